"""The command line from end to end: files, exit codes, and what interruptions and full disks leave behind."""

import contextlib
import errno
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet
import pytest

from abm import Scenario, cli, report, rundir, simulate
from abm.cli import main

ROOT = Path(cli.__file__).parents[1]
TABLES = ["steps", "sectors", "firms", "lives", "panel"]
SMALL = ["--set", "capacity=20", "--steps", "3", "--no-picture"]


def run(out: Path, *options: str, scenario: str = "four-sectors") -> int:
    return main(["run", scenario, *options, "--out", str(out)])


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The directory of a run that left out nothing."""
    out = tmp_path_factory.mktemp("finished") / "parents" / "are made" / "out"
    settings = [
        "--set",
        "capacity=20",
        "--set",
        "technology_ceiling=inf",
        "--set",
        "runway=2",
        "--steps",
        "12",
    ]
    assert run(out, *settings, "--panel", "5", "--seed", "7") == 0
    return out


# --- what a run writes --------------------------------------------------------------------------------


def test_a_run_writes_its_files_and_nothing_else(finished):
    assert sorted(contents(finished)) == sorted(rundir.FILES)
    assert os.listdir(finished.parent) == ["out"]
    assert (finished / "overview.png").read_bytes().startswith(b"\x89PNG")
    mask = os.umask(0)
    os.umask(mask)
    assert finished.stat().st_mode & 0o777 == 0o777 & ~mask


def test_the_tables_have_the_columns_that_others_rely_on(finished):
    tables = {name: pd.read_parquet(finished / f"{name}.parquet") for name in TABLES}
    steps, sectors, firms, lives, panel = tables.values()
    assert list(steps.columns[:5]) == ["step", "firms", "entries", "exits", "diverged"]
    assert {"hhi", "cr4", "top_share", "gini", "mean_T", "q90_F", "weighted_R", "share_balanced"} <= {*steps.columns}
    assert list(steps["step"]) == list(range(1, 13))
    assert list(sectors.columns[:2]) == ["step", "sector"]
    assert len(sectors) == 4 * 12
    assert " ".join(firms.columns) == (
        "id slot name sector strategy T0 C0 R0 k1 k2 k3 theta omega T C P R Q B F direction "
        "R_smoothed R_reviewed share age"
    )
    assert firms["id"].is_monotonic_increasing
    assert " ".join(lives.columns) == "id sector strategy entry_step exit_step reason peak_share"
    assert list(lives["id"]) == list(range(len(lives)))
    assert " ".join(panel.columns) == "step id sector strategy T C R B F theta"
    assert list(panel["step"].unique()) == [0, 5, 10]


def test_the_tables_hold_what_python_gives(finished):
    scenario = Scenario.load("four-sectors").replace(capacity=20, technology_ceiling=math.inf, runway=2, steps=12)
    result = simulate(scenario, seed=7, panel=5)
    for name in TABLES:
        expected = getattr(result, name)
        expected = expected.reset_index() if name == "steps" else expected
        # A text that is missing in all rows has no type of its own in memory.
        pd.testing.assert_frame_equal(
            pd.read_parquet(finished / f"{name}.parquet"), expected, check_dtype=False, check_exact=True
        )


def test_the_tables_are_plain_parquet(finished):
    for name in TABLES:
        file = pyarrow.parquet.ParquetFile(finished / f"{name}.parquet")
        assert not [column for column in file.schema_arrow.names if column.startswith("__")]
        types = {column.name: str(column.type) for column in file.schema_arrow}
        assert set(types.values()) <= {"int64", "double", "string", "large_string"}
        if name == "lives":
            assert "string" in types["reason"]
            assert types["exit_step"] == "int64"
        assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_missing_reason_is_a_text_even_where_nobody_left(tmp_path):
    assert run(tmp_path / "out", *SMALL, "--set", "runway=inf") == 0
    lives = pyarrow.parquet.read_table(tmp_path / "out" / "lives.parquet")
    assert lives["reason"].null_count == lives["exit_step"].null_count == lives.num_rows == 20
    assert "string" in str(lives.schema.field("reason").type)


def strict(path: Path) -> dict:
    def refuse(word: str):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(path.read_text("utf-8"), parse_constant=refuse)


def test_json_is_strict_with_nan_as_null_and_infinity_as_a_text(finished):
    outcomes, about = strict(finished / "outcomes.json"), strict(finished / "run.json")
    assert outcomes["hill"] is None  # under 100 firms
    assert isinstance(outcomes["peak_firms"], int)
    assert outcomes["structure"] in ("collapsed", "monopoly", "oligopoly", "moderate", "fragmented")
    assert about["scenario"]["technology_ceiling"] == "inf"
    assert about["scenario"]["sectors"][0]["name"] == "nlp_vision"
    assert about["scenario"]["initial_firms"] == 20
    assert (about["seed"], about["panel"], about["level"], about["every"]) == (7, 5, "full", 1)
    assert about["firm_table_hash"] is None
    assert list(about["versions"]) == ["abm", "python", "numpy", "numba", "pandas", "pyarrow"]
    assert about["wall_seconds"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", about["started"])


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(finished, tmp_path):
    settings = ["--set", "capacity=20", "--set", "technology_ceiling=inf", "--set", "runway=2"]
    options = [*settings, "--set", "steps=12", "--panel", "5", "--no-picture"]
    assert run(tmp_path / "same", *options, "--seed", "7", "--threads", "2") == 0
    assert run(tmp_path / "other", *options, "--seed", "8") == 0
    for name in [*(f"{table}.parquet" for table in TABLES), "outcomes.json"]:
        assert (tmp_path / "same" / name).read_bytes() == (finished / name).read_bytes()
        assert (tmp_path / "other" / name).read_bytes() != (finished / name).read_bytes()
    assert not (tmp_path / "same" / "overview.png").exists()


def test_options_reach_the_run(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL[:2], "--set", "steps=10", "--level", "light", "--every", "4", "--no-picture") == 0
    steps = pd.read_parquet(out / "steps.parquet")
    assert list(steps["step"]) == [4, 8]
    assert "gini" not in steps
    assert not (out / "panel.parquet").exists()
    assert str(out) in capsys.readouterr().out
    assert run(out, *SMALL, "--every", "0", "--overwrite") == 0
    assert len(pd.read_parquet(out / "steps.parquet")) == 0


@pytest.mark.parametrize("options", [["--every", "0"], ["--every", "2", "--level", "light"], ["--set", "entry_rate=0"]])
def test_every_kind_of_run_has_its_picture(options, tmp_path):
    settings = ["--set", "capacity=4", "--set", "runway=1e-9", "--set", "R0=1e-3", "--steps", "3"]
    assert run(tmp_path / "out", *settings, *options) == 0
    assert (tmp_path / "out" / "overview.png").exists()


def test_a_run_goes_on_from_its_own_firms(finished, tmp_path):
    table = finished / "firms.parquet"
    assert run(tmp_path / "out", *SMALL, "--set", "runway=2", "--firms", str(table)) == 0
    about = strict(tmp_path / "out" / "run.json")
    assert re.fullmatch("[0-9a-f]{64}", about["firm_table_hash"])
    assert about["scenario"]["initial_firms"] == len(pd.read_parquet(table))


# --- the directory ------------------------------------------------------------------------------------


def test_a_run_is_replaced_only_when_asked_and_by_a_whole_one(tmp_path, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL, "--panel", "1") == 0
    before = contents(tmp_path)
    assert run(out, *SMALL, "--seed", "1") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert contents(tmp_path) == before
    assert run(out, *SMALL, "--seed", "1", "--overwrite") == 0
    assert strict(out / "run.json")["seed"] == 1
    assert not (out / "panel.parquet").exists()
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_directory_and_a_link_to_one_are_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    assert run(tmp_path / "link", *SMALL) == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "empty" / "run.json").exists()


def test_a_relative_directory_and_what_a_killed_run_left_are_no_obstacle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".out.tmp-00000000").mkdir()
    assert run(Path("out"), *SMALL) == 0
    assert (tmp_path / "out" / "run.json").exists()


def test_another_run_that_was_faster_is_not_replaced(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"

    def slow(*arguments, **options):
        out.mkdir()
        (out / "run.json").write_text("{}")

    monkeypatch.setattr(rundir, "write_run", slow)
    assert run(out, *SMALL) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert contents(tmp_path) == {"out/run.json": b"{}"}


def test_the_earlier_run_comes_back_if_the_new_one_cannot_take_its_place(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert run(out, *SMALL) == 0
    before, rename = contents(tmp_path), Path.rename

    def fail(self: Path, target: Path) -> Path:
        if target.name == "out" and "earlier" not in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert run(out, *SMALL, "--overwrite") == 1
    assert capsys.readouterr().err == "abm: stopped: Input/output error\n"
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["out"]


# --- interruptions and full disks ---------------------------------------------------------------------


@pytest.fixture
def at_first_progress(monkeypatch):
    """Has something done when a run has made its first steps."""

    def install(action) -> None:
        @contextlib.contextmanager
        def progress(total, description, console):
            yield lambda steps: action()

        monkeypatch.setattr(report, "progress", progress)

    return install


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1)  # cut short by the signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind(number, tmp_path, at_first_progress, capsys):
    earlier = signal.getsignal(number)
    at_first_progress(lambda: send(number))
    assert run(tmp_path / "new" / "parent" / "out", *SMALL) == 130
    assert capsys.readouterr().err == "abm: interrupted\n"
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(number) == earlier


def test_an_interruption_while_writing_keeps_the_earlier_run(tmp_path, monkeypatch, capsys):
    assert run(tmp_path / "out", *SMALL) == 0
    before = contents(tmp_path)
    monkeypatch.setattr(rundir, "write_json", lambda value, path: send(signal.SIGTERM))
    assert run(tmp_path / "out", *SMALL, "--overwrite") == 130
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["out"]


def test_an_interruption_that_a_library_turns_into_its_own_error_still_counts(tmp_path, at_first_progress, capsys):
    def convert() -> None:
        try:
            send(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("half imported") from None

    at_first_progress(convert)
    assert run(tmp_path / "out", *SMALL) == 130
    assert os.listdir(tmp_path) == []


def test_a_second_interruption_ends_at_once_and_tidies_up(tmp_path, at_first_progress, monkeypatch):
    class Ended(BaseException):
        pass

    def end(code: int) -> None:
        assert code == 130
        assert os.listdir(tmp_path) == []
        raise Ended

    def stuck() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            send(signal.SIGINT)
        assert len(os.listdir(tmp_path)) == 1
        send(signal.SIGTERM)

    monkeypatch.setattr(os, "_exit", end)
    at_first_progress(stuck)
    with pytest.raises(Ended):
        run(tmp_path / "out", *SMALL)


def test_a_signal_that_is_ignored_from_outside_stays_ignored(tmp_path, at_first_progress):
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        at_first_progress(lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert run(tmp_path / "out", *SMALL) == 0
    finally:
        signal.signal(signal.SIGHUP, earlier)


@pytest.mark.parametrize("name", ["write_parquet", "write_json", "_sync"])
def test_a_full_disk_ends_a_run_in_a_line_and_leaves_nothing(name, tmp_path, monkeypatch, capsys):
    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    monkeypatch.setattr(rundir, name, full)
    assert run(tmp_path / "out", *SMALL) == 1
    assert capsys.readouterr().err == f"abm: stopped: {tmp_path}: No space left on device\n"
    assert os.listdir(tmp_path) == []


def test_a_write_that_the_system_cuts_short_ends_a_run(tmp_path, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert run(tmp_path / "out", *SMALL) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    message = capsys.readouterr().err
    assert message.startswith("abm: stopped: ")
    assert "File too large" in message
    assert message.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_lack_of_memory_is_said_in_a_line(tmp_path, monkeypatch, capsys):
    def none(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("abm.engine.simulate", none)
    assert run(tmp_path / "out", *SMALL) == 1
    assert capsys.readouterr().err == "abm: stopped: out of memory\n"
    assert os.listdir(tmp_path) == []


# --- processes of their own ---------------------------------------------------------------------------


def process(*arguments: str, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "abm", *arguments], env=environment, **pipes | options)


def test_a_process_that_is_told_to_end_does_so_and_leaves_nothing(tmp_path):
    # A shell that starts this in the background has it ignore SIGINT.
    def heed() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    length = ["--set", "capacity=20", "--steps", "10000000", "--every", "0"]
    runs = {
        number: process("run", "four-sectors", *length, "--out", str(tmp_path / str(number)), preexec_fn=heed)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    deadline = time.monotonic() + 60
    while len(os.listdir(tmp_path)) < len(runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir(tmp_path)) == len(runs)
    time.sleep(2)
    for number, running in runs.items():
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out, err) == (130, "", "abm: interrupted\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_is_quick_because_it_imports_nothing_heavy(arguments):
    heavy = {"numpy", "pandas", "numba", "matplotlib", "mesa", "scipy", "rich"}
    heavy |= {"pydantic"} if arguments == ["--help"] else set()  # typer checks options with it
    code = f"import sys; from abm.cli import main; main({arguments}); print({heavy} & set(sys.modules))"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert "Usage: abm" in printed
    assert printed.endswith("set()\n")


def test_an_interrupted_exec_does_not_turn_the_exit_code_into_a_signal(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import sys; from abm import cli, rundir\n"
        "rundir.versions = lambda: exec('raise KeyboardInterrupt')\n"
        "sys.exit(cli.main(['version']))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "abm: interrupted\n")


def test_output_that_nobody_reads_or_no_disk_holds_ends_in_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    closed = process("parameters", "--markdown", stdout=writer)
    assert closed.communicate(timeout=60)[1] == ""
    assert closed.returncode == 1
    os.close(writer)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            stopped = process("parameters", "--markdown", stdout=full)
            assert stopped.communicate(timeout=60)[1] == "abm: stopped: No space left on device\n"
            assert stopped.returncode == 1


# --- other commands -----------------------------------------------------------------------------------


def test_check_says_in_a_line_what_a_scenario_is(tmp_path, capsys):
    assert main(["check", "four-sectors", "--set", "capacity=30"]) == 0
    assert capsys.readouterr().out == "four-sectors: 4 sectors, 5 strategies, 30 firms, 30 slots, 400 steps\n"
    (tmp_path / "firms.csv").write_text("sector,strategy\nmarket,balanced\n")
    assert main(["check", "one-market", "--firms", str(tmp_path / "firms.csv")]) == 0
    assert capsys.readouterr().out == "one-market: 1 sector, 5 strategies, 1 firm, 400 slots, 400 steps\n"
    assert main(["check", "one-market", "--set", "churn=0"]) == 2


def test_the_lists_name_everything(capsys):
    from abm.parameters import PARAMETERS

    assert main(["scenarios"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in Scenario.bundled())
    for arguments in (["parameters"], ["parameters", "--markdown"]):
        assert main(arguments) == 0
        printed = capsys.readouterr().out
        assert all(parameter.name in printed for parameter in PARAMETERS)
    assert printed.startswith("| parameter | symbol |")


def test_version_names_what_numbers_depend_on(capsys):
    from abm import __version__

    assert main(["version"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == f"abm {__version__}"


@pytest.mark.parametrize(
    "arguments", [[], ["runn"], ["run"], ["run", "four-sectors"], ["check", "four-sectors", "--out", "x"]]
)
def test_a_command_that_makes_no_sense_is_refused_with_where_to_look(arguments, capsys):
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.fullmatch(r"abm: error: .+ \(see abm[a-z ]* --help\)\n", printed.err)
