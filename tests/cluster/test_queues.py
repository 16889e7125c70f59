"""What the commands of batch systems answer about their queues, as their manuals show it."""

import json

import pytest

from abm.errors import InputError
from abm.sweeps.work.batch import queues
from abm.sweeps.work.batch.systems import SYSTEMS

NAME = "abm-work-1a2b3c"
SGE = f"""\
<?xml version='1.0'?>
<job_info xmlns:xsd="http://gridscheduler.svn.sourceforge.net/viewvc/gridscheduler/trunk/source/dist/util/resources/">
  <queue_info>
    <job_list state="running">
      <JB_job_number>11</JB_job_number><JAT_prio>0.55</JAT_prio><JB_name>{NAME}</JB_name><JB_owner>me</JB_owner>
      <state>r</state><JAT_start_time>2026-11-28T09:00:00</JAT_start_time><queue_name>all.q@node1</queue_name>
      <slots>1</slots>
    </job_list>
  </queue_info>
  <job_info>
    <job_list state="pending"><JB_job_number>12</JB_job_number><JB_name>{NAME}</JB_name><state>qw</state></job_list>
    <job_list state="pending"><JB_job_number>13</JB_job_number><JB_name>{NAME}</JB_name><state>hqw</state></job_list>
    <job_list state="pending"><JB_job_number>14</JB_job_number><JB_name>{NAME}</JB_name><state>Eqw</state></job_list>
    <job_list state="pending"><JB_job_number>15</JB_job_number><JB_name>mine</JB_name><state>qw</state></job_list>
  </job_info>
</job_info>
"""
OAR = {
    "11": {"Job_Id": "11", "name": NAME, "state": "Running", "owner": "me"},
    "12": {"Job_Id": "12", "name": NAME, "state": "Waiting", "owner": "me"},
    "13": {"Job_Id": "13", "name": NAME, "state": "Launching", "owner": "me"},
    "14": {"Job_Id": "14", "name": NAME, "state": "Error", "owner": "me"},
    "15": {"Job_Id": "15", "name": None, "state": "Running", "owner": "me"},
}
ANSWERS = {
    "slurm": {"squeue": "11 RUNNING\n12 PENDING\n13 PENDING\n"},
    "pbs": {"EHQRSTW": "11.head\n12.head\n13.head\n", "HQTW": "12.head\n13.head\n"},
    "sge": {"qstat": SGE},
    "lsf": {"bjobs": "11 RUN\n12 PEND\n13 PSUSP\n"},
    "htcondor": {"condor_q": "11.0 2\n12.0 1\n13.0 1\n14.0 5\n15.0 3\n"},
    "oar": {"oarstat": json.dumps(OAR)},
}
NONE = {
    "slurm": (0, "", ""),
    "pbs": (0, "", ""),
    "sge": (0, "<?xml version='1.0'?>\n<job_info><queue_info/><job_info/></job_info>\n", ""),
    "lsf": (255, "", f"Job <{NAME}> is not found\n"),
    "htcondor": (0, "", ""),
    "oar": (0, "", ""),
}


@pytest.fixture
def answers(monkeypatch, tmp_path):
    """Makes all commands of queues give an answer: exit code, output and error by the words of the command."""

    def give(code: int, output: str | dict[str, str], error: str = "") -> None:
        texts = {"": output} if isinstance(output, str) else output
        lines = ["#!/bin/bash"]
        for number, (word, text) in enumerate(texts.items()):
            (tmp_path / f"{number}.txt").write_text(text)
            lines.append(f'case " $0 $* " in *{word}\\ *) cat {tmp_path / f"{number}.txt"}; exit {code} ;; esac')
        if error:
            lines.insert(1, f"cat {tmp_path / 'error.txt'} >&2")
            (tmp_path / "error.txt").write_text(error)
        for name in ("squeue", "qselect", "qstat", "bjobs", "condor_q", "oarstat"):
            (tmp_path / name).write_text("\n".join(lines) + "\n")
            (tmp_path / name).chmod(0o755)

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return give


@pytest.mark.parametrize("kind", SYSTEMS)
def test_jobs_that_wait_or_run_are_told_from_those_that_have_ended_and_from_others(kind, answers):
    answers(0, ANSWERS[kind])
    found = {job.partition(".")[0]: waits for job, waits in SYSTEMS[kind].queue(NAME).items()}
    assert found == {"11": False, "12": True, "13": True}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_empty_queue_is_no_error(kind, answers):
    answers(*NONE[kind])
    assert SYSTEMS[kind].queue(NAME) == {}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_system_that_does_not_answer_is_said_in_its_words(kind, answers):
    answers(1, "", "cannot connect\nto \xe9server")
    with pytest.raises(InputError, match=f"^--cluster {kind}: cannot connect to .server$"):
        SYSTEMS[kind].queue(NAME)


@pytest.mark.parametrize(("kind", "message"), [("sge", "qstat -xml does not answer"), ("oar", "oarstat -J does not")])
def test_an_answer_of_another_form_is_refused(kind, message, answers):
    for text in ("not this", "[1]"):
        answers(0, text)
        with pytest.raises(InputError, match=message):
            SYSTEMS[kind].queue(NAME)


def test_a_command_that_hangs_is_given_up(answers, monkeypatch):
    monkeypatch.setattr(queues, "_PATIENCE", 0.2)
    with pytest.raises(InputError, match="sleep did not answer for a minute"):
        queues.call("slurm", ["sleep", "30"])
