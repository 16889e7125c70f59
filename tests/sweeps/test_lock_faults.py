"""Several processes on one folder, and processes that are killed while they make the tables."""

import itertools
import json
import platform
import signal
import threading
import time

import pytest

from abm.sweeps.finish import finish_sweep
from abm.sweeps.run import sweep as sweep_here
from tests.faults.commands import (
    COUNT,
    DESIGN,
    INJECTION,
    SLOW,
    faults,
    parts,
    python,
    run_sweep,
    seed_of,
    sweep,
    tables,
    wait_for_parts,
    wait_until,
    write_design,
)

pytestmark = pytest.mark.slow

IMPATIENT = {"abm.sweeps.store.lock.PATIENCE": 2.0, "abm.sweeps.store.lock.BEAT": 0.3}


def at_work(out, pid) -> str:
    return f"abm: error: {out}: process {pid} on {platform.node()} is at work on this sweep\n"


@pytest.fixture
def gate(tmp_path):
    """Faults by which a late replication, of shard 1/2, waits until this file is removed."""
    path = tmp_path / "gate"
    path.touch()
    return path, faults({"does": "wait", "while": str(path), "seed": seed_of(COUNT - 2)})


def test_a_second_sweep_is_refused_while_the_first_lives(design, undisturbed, tmp_path, gate):
    out = tmp_path / "out"
    closed, waiting = gate
    with sweep(design, out, faults=waiting) as first:
        wait_for_parts(out)
        for options in ((), ("--shard", "1/2"), ("--overwrite",)):
            code, _, errors = run_sweep(design, out, *options)
            assert code == 2 and errors == at_work(out, first.pid)
        closed.unlink()
        code, _, errors = first.end()
        assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


def test_of_two_sweeps_that_start_at_once_on_a_stale_lock_one_goes_on(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    with sweep(design, out, faults=SLOW) as command:
        wait_for_parts(out)
        command.process.kill()
        assert command.leaves_nothing()
    assert (out / "working" / "lock").exists()
    with sweep(design, out, faults=SLOW) as first, sweep(design, out, faults=SLOW) as second:
        ends = sorted([first.end(), second.end()])
    assert ends[0][0] == 0 and ends[1][0] in (1, 2), ends
    assert tables(out) == undisturbed


def test_a_frozen_holder_is_seen_through_and_stops_when_it_wakes(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    with sweep(design, out, faults=SLOW) as first:
        wait_for_parts(out)
        first.send(signal.SIGSTOP)
        with sweep(design, out, faults=faults(settings=IMPATIENT)) as second:
            wait_until(lambda: str(second.pid) in (out / "working" / "lock").read_text(), "the second has taken over")
            first.send(signal.SIGCONT)
            code, _, errors = first.end()
            assert code == 1 and "another process has taken this sweep over" in errors
            assert first.leaves_nothing()
            code, _, errors = second.end()
            assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


def of_another_machine(beat: int) -> str:
    return json.dumps(
        {"token": "elsewhere", "beat": beat, "time": time.time(), "host": "node7", "pid": 42, "machine": "another"}
    )


def test_a_stale_lock_of_another_machine_is_seen_through(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    (out / "working").mkdir(parents=True)
    for name in ("lock", *(f"lock-{number}-of-40" for number in range(1, 41))):  # waited for at once, not in turn
        (out / "working" / name).write_text(of_another_machine(5))
    code, _, errors = run_sweep(design, out, faults={"settings": IMPATIENT})
    assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


@pytest.mark.parametrize("name", ["lock", "lock-1-of-2"])
def test_a_living_lock_of_another_machine_is_respected(design, tmp_path, name):
    out = tmp_path / "out"
    (out / "working").mkdir(parents=True)
    over = threading.Event()

    def beat() -> None:
        for count in itertools.count():
            (out / "working" / name).write_text(of_another_machine(count))
            if over.wait(0.5):
                return

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        wait_until((out / "working" / name).exists, "it beats")
        code, _, errors = run_sweep(design, out)
    finally:
        over.set()
        thread.join()
    assert code == 2 and errors == f"abm: error: {out}: process 42 on node7 is at work on this sweep\n"


def test_shards_work_side_by_side_and_keep_a_whole_sweep_out(design, undisturbed, tmp_path, gate):
    out = tmp_path / "out"
    closed, waiting = gate
    with sweep(design, out, "--shard", "1/2", faults=waiting) as first:
        wait_for_parts(out, 1)
        assert run_sweep(design, out, "--shard", "2/2")[0] == 0
        for options in (("--shard", "1/2"), ()):
            code, _, errors = run_sweep(design, out, *options)
            assert code == 2 and errors == at_work(out, first.pid)
        with python("-m", "abm", "sweep", "finish", out) as finish:
            code, _, errors = finish.end()
        assert code == 2 and errors == at_work(out, first.pid)
        closed.unlink()
        assert first.end()[0] == 0
    finish_sweep(out)
    assert tables(out) == undisturbed


def test_a_killed_shard_goes_on(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    with sweep(design, out, "--shard", "2/2", faults=SLOW) as command:
        wait_for_parts(out)
        command.process.kill()
        assert command.leaves_nothing()
    for shard in ("1/2", "2/2"):
        assert run_sweep(design, out, "--shard", shard)[0] == 0
    finish_sweep(out)
    assert tables(out) == undisturbed


# --- killed while the tables are made -----------------------------------------------------------------


@pytest.mark.parametrize("earlier", ["nothing", "another design"])
def test_a_sweep_killed_at_any_file_operation_of_its_end_goes_on(tmp_path, earlier):
    small = DESIGN[: DESIGN.index("[replications]")] + "[replications]\ncount = 2\n[collect]\nlives = true\n"
    design, prepared, folder = write_design(tmp_path, small), tmp_path / "prepared", tmp_path / "killed"
    folder.mkdir()
    expected = small_tables(sweep_here(str(design), tmp_path / "undisturbed", workers=1).folder)
    if earlier == "another design":  # some of its runs are in the tables, and stay for later
        (tmp_path / "earlier").mkdir()
        other = write_design(tmp_path / "earlier", small.replace("churn = [0.1, 0.3]", "churn = [0.1, 0.7]"))
        sweep_here(str(other), prepared, workers=1)
    code, _, _ = run_sweep(design, prepared, faults={"dies_at": "abm.sweeps.run.finish"})
    assert code == -signal.SIGKILL and parts(prepared) > 0

    with python(INJECTION / "crash.py", design, prepared, folder) as command:
        code, output, errors = command.end()
    assert (code, errors) == (0, "")
    copies = int(output)
    assert copies > 20
    for number in range(1, copies + 1):
        out = folder / str(number)
        results = sweep_here(str(design), out, workers=1)
        assert small_tables(out) == expected, number
        assert results.summary["failed"] == 0


def small_tables(out) -> dict[str, bytes]:
    return {name: (out / f"{name}.parquet").read_bytes() for name in ("points", "outcomes", "lives")}
