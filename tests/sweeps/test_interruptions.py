"""A sweep that is killed or interrupted at any moment ends in order, and the same command goes on."""

import contextlib
import random
import signal
import subprocess
import time

import pytest

from tests.faults.commands import (
    COUNT,
    PATIENCE,
    SLOW,
    faults,
    parts,
    python,
    run_sweep,
    says_how_to_go_on,
    seed_of,
    sweep,
    tables,
    wait_for_parts,
    wait_until,
)

pytestmark = pytest.mark.slow


def test_a_killed_sweep_goes_on_from_any_moment(design, undisturbed, undisturbed_sweep, tmp_path):
    _, seconds = undisturbed_sweep
    moments = random.Random(6)
    for number in range(5):
        out = tmp_path / f"out{number}"
        for _ in range(4):
            with sweep(design, out) as command:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    command.process.wait(moments.uniform(0.1, 1.0) * seconds)
                before = parts(out)
                command.process.kill()
                assert command.leaves_nothing()
            assert parts(out) >= before or (out / "summary.json").exists()
        code, _, errors = run_sweep(design, out)
        assert (code, errors) == (0, "")
        assert tables(out) == undisturbed
        assert not (out / "working").exists()


@pytest.mark.parametrize("whom", ["the process", "all processes"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sweep_keeps_what_is_finished_and_goes_on(design, undisturbed, tmp_path, number, whom):
    out = tmp_path / "out"
    with sweep(design, out, "--workers", "2", faults=SLOW) as command:
        wait_for_parts(out)
        (command.send if whom == "the process" else command.send_all)(number)
        code, output, errors = command.end()
        assert (code, output) == (130, "") and says_how_to_go_on(errors, out)
        assert command.leaves_nothing()
    assert parts(out) >= 2
    assert not list((out / "working").glob("lock*"))
    if whom == "all processes":
        assert run_sweep(design, out)[0] == 0
        assert tables(out) == undisturbed


def test_an_interruption_is_orderly_at_any_moment(design, undisturbed_sweep, tmp_path):
    _, seconds = undisturbed_sweep
    moments = random.Random(7)
    for number in range(8):
        out = tmp_path / f"out{number}"
        with sweep(design, out, faults=SLOW) as command:
            wait_until((out / "working" / "lock").exists, "it has begun")
            time.sleep(moments.uniform(0.0, 1.0) * seconds)
            command.send_all(moments.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
            code, _, errors = command.end()
            assert command.leaves_nothing()
        assert code == 130 and says_how_to_go_on(errors, out), errors


# `abm` with a slow coroutine of Dask's, such as `Client._start`, and a file that tells when it has been entered.
SLOW_DASK = """
import asyncio, distributed, pathlib, sys
from abm.cli import main
place, name, file, *arguments = sys.argv[1:]
usual = getattr(getattr(distributed, place), name)
async def slowly(*given, **options):
    pathlib.Path(file).touch()
    await asyncio.sleep(1.0)
    return await usual(*given, **options)
setattr(getattr(distributed, place), name, slowly)
sys.exit(main(arguments))
"""


@pytest.mark.parametrize("name", ["_start", "_close"])
@pytest.mark.parametrize("place", ["Client", "LocalCluster"])
def test_an_interruption_while_dask_starts_or_closes_is_orderly(design, undisturbed, tmp_path, place, name):
    out, file = tmp_path / "out", tmp_path / "now"
    with python("-c", SLOW_DASK, place, name, file, "sweep", design, "--out", out, "--workers", "1") as command:
        wait_until(file.exists, f"{place}.{name}")
        command.send_all(signal.SIGINT)
        code, output, errors = command.end()
        assert (code, output) == (130, "") and says_how_to_go_on(errors, out), errors
        assert command.leaves_nothing()
    assert run_sweep(design, out)[0] == 0
    assert tables(out) == undisturbed


def test_a_second_interruption_ends_a_sweep_at_once(design, tmp_path):
    out = tmp_path / "out"
    hanging = faults({"does": "hang", "seed": seed_of(COUNT - 1)})
    with sweep(design, out, "--workers", "2", faults=hanging) as command:
        wait_for_parts(out)
        time.sleep(1.0)
        for worker in command.workers():
            worker.suspend()  # so that an orderly end takes its time
        command.send_all(signal.SIGINT)
        time.sleep(0.5)
        command.send_all(signal.SIGINT)
        assert command.process.wait(PATIENCE) == 130
        for worker in command.workers():
            worker.resume()
        _, _, errors = command.end()
        assert "interrupted" not in errors, "this was the orderly end"
        assert all(line.startswith("abm: ") for line in errors.splitlines()), errors
        assert command.leaves_nothing()
