"""What `abm sweep script` prints for each batch system, run by a shell with commands that only record."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from abm.cli import main
from abm.sweeps.work.batch.systems import SYSTEMS

DESIGN = 'scenario = "one-market"\n[set]\nsteps = 20\n[factors]\nchurn = [0.1, 0.9]\n'
ANSWERS = {
    "slurm": ("sbatch", "{n};main"),
    "pbs": ("qsub", "{n}[].head"),
    "sge": ("qsub", "{n}.1-3:1"),
    "lsf": ("bsub", "Job <{n}> is submitted to default queue <normal>."),
    "oar": ("oarsub", "[ADMISSION RULE] modified\nOAR_JOB_ID={n}\nOAR_JOB_ID={n}9"),
}
# The options of the job that makes the tables, by which it waits for two arrays, however they end.
WAITS = {
    "slurm": ["--dependency=afterany:1:2"],
    "pbs": ["-W", "depend=afterany:1[].head:2[].head"],
    "sge": ["-hold_jid", "1,2"],
    "lsf": ["-w", "ended(1) && ended(2)"],
    "oar": ["--anterior=1", "--anterior=19", "--anterior=2", "--anterior=29"],
}
ARRAYS = {
    "slurm": ("#SBATCH --array=1-3\n", "SLURM_ARRAY_TASK_ID"),
    "pbs": ("#PBS -J 1-3\n", "PBS_ARRAY_INDEX"),
    "sge": ("#$ -t 1-3\n", "SGE_TASK_ID"),
    "lsf": ('#BSUB -J "abm-sweep[1-3]"\n', "LSB_JOBINDEX"),
    "oar": ("--array 3", "OAR_ARRAY_INDEX"),
}
ASKED = {
    "slurm": ["--cpus-per-task=2", "--mem=3072M", "--time=24:20:00", "--partition=long", "--account=eco", "--nice"],
    "pbs": ["-l select=1:ncpus=2:mem=3072MB", "-l walltime=24:20:00", "-j oe", "-q long", "-A eco", "--nice"],
    "sge": ["-pe smp 2", "-l mem_free=3072M", "-l h_rt=24:20:00", "-S /bin/bash", "-q long", "-P eco", "--nice"],
    "lsf": ["-n 2", '-R "span[hosts=1]"', "-M 3072MB", "-W 24:20", "-q long", "-P eco", "--nice"],
}
RECORDER = """\
import json, pathlib, sys
folder = pathlib.Path({folder!r})
number = len(list(folder.glob("*.json"))) + 1
reads = "" if {kind!r} == "oar" else sys.stdin.read()
(folder / f"{{number}}.json").write_text(json.dumps([sys.argv[1:], reads]))
print({answer!r}.format(n=number))
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with signs of the shell in its name and a design, in which the test runs."""
    folder = tmp_path / "it's a $HOME"
    folder.mkdir()
    (folder / "a design.toml").write_text(DESIGN)
    monkeypatch.chdir(folder)
    return folder


def printed(capsys, *further: str) -> str:
    assert main(["sweep", "script", "a design.toml", "--out", "by `x` shards", *further]) == 0
    return capsys.readouterr().out


def recorded(kind: str, script: str, folder: Path) -> list[tuple[list[str], str]]:
    """The options and the input of each submission that a script makes."""
    command, answer = ANSWERS[kind]
    place = folder / "bin"
    place.mkdir()
    (place / "recorder.py").write_text(RECORDER.format(folder=str(place), answer=answer, kind=kind))
    (place / command).write_text(f'#!/bin/sh\nexec {sys.executable} {place / "recorder.py"} "$@"\n')
    (place / command).chmod(0o755)
    environment = os.environ | {"PATH": f"{place}:{os.environ['PATH']}"}
    told = subprocess.run(["bash"], input=script, capture_output=True, text=True, timeout=60, env=environment)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("submitted: ")
    return [tuple(json.loads((place / f"{each}.json").read_text())) for each in (1, 2, 3)]


def words(script: str, environment: dict[str, str]) -> list[str]:
    """The words of the command that a script ends with."""
    shown = re.sub(r"^exec ", "printf '%s\\\\n' ", script, flags=re.MULTILINE)
    assert shown != script
    told = subprocess.run(["bash", "-c", shown], capture_output=True, text=True, env=environment, check=True)
    return told.stdout.splitlines()


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_tasks_of_all_arrays_make_each_shard_once_and_the_tables_wait_for_all(kind, place, tmp_path, capsys):
    size = "4" if kind == "slurm" else "3"  # Slurm's setting is one above the largest number
    script = printed(capsys, "--scheduler-kind", kind, "--shards", "5", "--max-array-size", size)
    directive, variable = ARRAYS[kind]
    jobs = recorded(kind, script, tmp_path)
    assert directive in (" ".join(jobs[0][0]) if kind == "oar" else jobs[0][1])
    shards = []
    for (options, text), tasks in zip(jobs[:2], (3, 2), strict=True):
        for task in range(1, tasks + 1):
            made = words(options[-1] if kind == "oar" else text, {variable: str(task)})
            assert made[made.index("sweep") + 1] == str(place / "a design.toml")
            assert made[made.index("--out") + 1] == str(place / "by `x` shards")
            shards.append(made[made.index("--shard") + 1])
    assert shards == [f"{each}/5" for each in range(1, 6)]
    options, text = jobs[2]
    assert [each for each in options if each in WAITS[kind]] == WAITS[kind]
    last = words(options[-1] if kind == "oar" else text, {})
    assert last[-4:] == ["abm", "sweep", "finish", str(place / "by `x` shards")]
    assert not list(place.glob("x"))


@pytest.mark.parametrize("kind", ASKED)
def test_tasks_ask_for_what_the_options_say(kind, place, capsys):
    options = ["--cores", "2", "--memory", "3GB", "--walltime", "24:20:00", "--queue", "long", "--account", "eco"]
    script = printed(capsys, "--scheduler-kind", kind, "--shards", "3", *options, "--directive=--nice")
    first = script.partition("END_OF_SCRIPT\n}")[0]
    for each in ASKED[kind]:
        assert f"{SYSTEMS[kind].prefix} {each}\n" in first, each
    # Ended before the walltime by a signal, on which a shard keeps its runs.
    limit = "#SBATCH --signal=B:TERM@30" if kind == "slurm" else "exec timeout --preserve-status --signal=TERM 87570 "
    assert limit in first


def test_a_large_sweep_on_slurm_is_split_by_the_usual_size_of_its_arrays(place, capsys):
    script = printed(capsys, "--scheduler-kind", "slurm", "--shards", "2001")
    assert re.findall(r"--array=(\S+)", script) == ["1-1000", "1-1000"]
    assert "--shard $((SLURM_ARRAY_TASK_ID + 1000))/2001\n" in script and "--shard 2001/2001\n" in script


def test_htcondor_runs_shards_as_nodes_of_a_graph_and_makes_the_tables_in_its_final_node(place, tmp_path, capsys):
    script = printed(capsys, "--scheduler-kind", "htcondor", "--shards", "3", "--cores", "2", "--memory", "3GB")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "condor_submit_dag"
    command.write_text('#!/bin/sh\necho "$@" > given\n')
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{command.parent}:{os.environ['PATH']}"}
    subprocess.run(["bash"], input=script, text=True, timeout=60, env=environment, check=True)
    (folder,) = place.glob("abm-sweep.*")
    assert (folder / "given").read_text() == "sweep.dag\n"
    assert (folder / "sweep.dag").read_text().splitlines() == [
        "JOB shard1 shard.sub",
        'VARS shard1 shard="1"',
        "JOB shard2 shard.sub",
        'VARS shard2 shard="2"',
        "JOB shard3 shard.sub",
        'VARS shard3 shard="3"',
        "FINAL finish finish.sub",
    ]
    lines = (folder / "shard.sub").read_text().splitlines()
    assert {"request_cpus = 2", "request_memory = 3072MB", "executable = /bin/bash", "queue"} <= set(lines)
    (arguments,) = [line for line in lines if line.startswith("arguments")]
    text = re.fullmatch(r"arguments = \"-c '(.*)'\"", arguments)[1].replace("''", "'").replace('""', '"')
    made = words(text.replace("$(shard)", "2").replace("$(DOLLAR)", "$").replace("; ", "\n"), {})
    assert made[made.index("--out") + 1] == str(place / "by `x` shards") and made[-1] == "2/3"


KUBERNETES = ("--scheduler-kind", "kubernetes", "--image", "lab/abm:3", "--claim", "sweeps")


def test_the_manifest_of_kubernetes_is_an_indexed_job_whose_pods_take_their_shard_from_their_index(capsys):
    command = ["sweep", "script", "network-effect", "--out", "/data/it's", "--shards", "7", "--cores", "2"]
    assert main([*command, "--memory", "3GB", "--walltime", "2:00:00", *KUBERNETES]) == 0
    job = json.loads(capsys.readouterr().out)
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 7, 7)
    pod = spec["template"]["spec"]
    assert (pod["restartPolicy"], pod["activeDeadlineSeconds"]) == ("Never", 7200)
    (container,) = pod["containers"]
    assert container["command"] == [
        *("python", "-m", "abm", "sweep", "network-effect", "--out", "/data/it's"),
        *("--workers", "2", "--shard", "auto/7"),
    ]
    assert container["resources"]["requests"] == {"cpu": "2", "memory": "3072Mi"}
    assert container["volumeMounts"] == [{"name": "sweep", "mountPath": "/data/it's"}]
    assert pod["volumes"] == [{"name": "sweep", "persistentVolumeClaim": {"claimName": "sweeps"}}]


@pytest.mark.parametrize(
    ("further", "message"),
    [
        (("--image", "x"), "--image is an option of --scheduler-kind kubernetes, which is missing"),
        (("--max-array-size", "9"), "--max-array-size is an option of --scheduler-kind of a batch system"),
        (("--scheduler-kind", "kubernetes", "--image", "x"), "kubernetes needs --image and --claim"),
        ((*KUBERNETES, "--queue", "q"), "--queue 'q': Kubernetes has none"),
        ((*KUBERNETES[:4], "--claim", "A"), "--claim 'A' is not a name of lower-case letters"),
        (KUBERNETES, "--out 'o' is not an absolute path"),
        (("--scheduler-kind", "pbs", "--directive", "a\nb"), "--directive 'a\\nb' holds a control character"),
        (("--scheduler-kind", "htcondor", "--queue", "q"), "--queue 'q': HTCondor has no queues"),
        (("--scheduler-kind", "moab"), "'moab'"),
    ],
)
def test_what_no_script_can_have_is_refused(further, message, capsys):
    assert main(["sweep", "script", "network-effect", "--out", "o", "--shards", "3", *further]) == 2
    said = capsys.readouterr()
    assert message in said.err and said.out == ""
