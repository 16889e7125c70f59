"""How `abm sweep` ends where runs fail, the disk is full or somebody interrupts it; the same command goes on."""

import errno
import os
import re
import signal
import time
from pathlib import Path

import pytest

from abm import simulate
from abm.cli import main
from abm.sweeps.work import chunk_tables, chunks
from abm.sweeps.work import worker as work

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def failing(monkeypatch):
    """Make the runs of a point fail; returns a function that makes them succeed again."""

    def fails(scenario, seed, **options):
        if scenario.network_effect == 0.5:
            raise RuntimeError(f"[no] luck with {seed}")
        return simulate(scenario, seed, **options)

    monkeypatch.setattr(work, "simulate", fails)
    monkeypatch.setattr("abm.simulation.simulate.simulate", fails)
    monkeypatch.setattr(work, "Batch", lambda *arguments, **options: 1 / 0)

    def mend() -> None:
        monkeypatch.setattr(work, "simulate", simulate)
        monkeypatch.setattr("abm.simulation.simulate.simulate", simulate)

    return mend


LINE = "abm: 3 runs failed; abm sweep failures out shows them\n"


def test_a_sweep_with_failed_runs_ends_with_3_and_says_how_to_see_them(said, here, failing, capsys):
    code, out, err = said("my.toml", "--out", "out")
    assert (code, err) == (3, LINE)
    assert "3 runs done" in out and "failures.parquet (3 rows)" in out
    assert said("my.toml", "--out", "out") == (3, out, LINE)
    assert said("finish", "out")[::2] == (3, LINE)
    assert here.runs == 6
    assert re.search(r"failed +3\b", said("status", "out")[1])
    code, out, err = said("failures", "out")
    assert (code, err) == (0, "")
    for replication in range(3):
        assert f"point 1, replication {replication}, network_effect = 0.5" in out
    assert "RuntimeError: [no] luck with " in out
    assert "Traceback" in out and "in fails" in out
    # Again, with success.
    failing()
    code, out, err = said("my.toml", "--out", "out", "--retry-failed")
    assert (code, err, here.runs) == (0, "", 9)
    assert "6 runs done" in out
    assert said("failures", "out")[1] == "no run failed\n"


def test_a_shard_with_failed_runs_ends_with_3_each_time(said, here, failing):
    for _ in range(2):
        code, out, err = said("my.toml", "--out", "out", "--shard", "2/2")
        assert (code, out) == (3, "shard 2/2: 1 runs done, 2 failed\n")
        assert err == "abm: 2 runs failed; abm sweep failures out shows them\n"
    assert here.runs == 3
    assert said("my.toml", "--out", "out", "--shard", "1/2")[0] == 3
    assert said("finish", "out")[::2] == (3, LINE)
    assert said("my.toml", "--out", "out", "--shard", "2/2")[0] == 3
    failing()
    code, out, err = said("my.toml", "--out", "out", "--shard", "2/2", "--retry-failed")
    assert (code, out, err) == (0, "shard 2/2: 3 runs done, 0 failed\n", "")
    assert said("finish", "out")[::2] == (3, "abm: 1 run failed; abm sweep failures out shows them\n")


def test_one_run_is_made_again_with_its_traceback(failing, capsys, said):
    assert said("my.toml", "--out", "out")[0] == 3
    assert main(["sweep", "run-one", "out", "0", "2"]) == 0
    assert "firms" in capsys.readouterr().out
    assert main(["sweep", "run-one", "out", "1", "2"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Traceback") and "in fails" in told
    assert re.search(r"\nabm: stopped: the run raised RuntimeError: \[no\] luck with \d+\n$", told)
    assert main(["sweep", "run-one", "out", "2", "0"]) == 2
    assert "point = 2 is not one of 0 to 1" in capsys.readouterr().err


def test_a_full_disk_ends_a_sweep_with_1_and_says_that_it_goes_on(said, monkeypatch, here):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    write = work.write_part
    calls = []

    def full(folder, tables):
        calls.append(folder)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "a.part"))
        return write(folder, tables)

    monkeypatch.setattr(work, "write_part", full)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (1, "")
    kept, stopped = err.splitlines()
    assert kept == "abm: finished runs are kept in out; the same command goes on from there"
    assert re.fullmatch(r"abm: stopped: .*/out/working/parts/a.part: No space left on device", stopped)
    made = len(list(Path("out/working/parts").iterdir()))
    assert made == 3
    monkeypatch.setattr(work, "write_part", write)
    before = here.runs
    assert said("my.toml", "--out", "out")[0] == 0
    assert here.runs - before == 3


def test_an_interruption_before_anything_is_finished_ends_with_130(said, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(chunk_tables, "failure_rows", interrupted)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (130, "")
    assert err == ("abm: finished runs are kept in out; the same command goes on from there\nabm: interrupted\n")


def interrupted_library():
    """A library that takes the interruption for an error of its own."""
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5.0)  # until the signal comes
    except KeyboardInterrupt:
        raise RuntimeError("lost a future") from None


def interrupted_at_once():
    raise KeyboardInterrupt


@pytest.mark.parametrize("interrupt", [interrupted_at_once, interrupted_library])
def test_an_interruption_ends_with_130_and_says_that_it_goes_on(said, monkeypatch, here, interrupt):
    monkeypatch.setattr(chunks, "MOST_RUNS", 1)
    submit = here._client.submit

    def interrupted(*arguments, **options):
        if here.runs == 2:
            interrupt()
        return submit(*arguments, **options)

    monkeypatch.setattr(here._client, "submit", interrupted)
    code, out, err = said("my.toml", "--out", "out")
    assert (code, out) == (130, "")
    assert err == ("abm: finished runs are kept in out; the same command goes on from there\nabm: interrupted\n")
    monkeypatch.setattr(here._client, "submit", submit)
    assert said("my.toml", "--out", "out")[0] == 0
    assert here.runs == 6
