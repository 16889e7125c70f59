"""Workers, schedulers and clients that are killed, frozen or interrupted: the tables stay the same."""

import contextlib
import random
import signal
import subprocess
import time

import numpy as np
import psutil
import pytest

from tests.faults.commands import (
    COUNT,
    PATIENCE,
    SLOW,
    DaskCluster,
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


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    return write_design(tmp_path_factory.mktemp("design"))


@pytest.fixture(scope="module")
def undisturbed_sweep(tmp_path_factory, design):
    """The tables of a sweep without faults, and its duration in seconds."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    started = time.monotonic()
    code, _, errors = run_sweep(design, out)
    assert (code, errors) == (0, "")
    return tables(out), time.monotonic() - started


@pytest.fixture(scope="module")
def undisturbed(undisturbed_sweep):
    return undisturbed_sweep[0]


@pytest.fixture
def dask(tmp_path):
    with contextlib.ExitStack() as stack:
        yield DaskCluster(tmp_path, stack)


def soon(**settings) -> dict:
    """Faults with a sweep that checks its scheduler more often than usual.

    A scheduler may take some seconds to answer where the machine is busy.
    """
    driver = {"abm.sweeps.work.driver.PING": 0.3, "abm.sweeps.work.driver.PING_PATIENCE": 10.0}
    return faults(settings=driver | settings)


def says_how_to_go_on(errors: str, out) -> bool:
    """Whether all lines are messages of this program, and one says how to go on."""
    lines = errors.splitlines()
    return all(line.startswith("abm: ") for line in lines) and any(
        str(out) in line and "the same command goes on" in line for line in lines
    )


# --- local processes ----------------------------------------------------------------------------------


def test_a_killed_worker_changes_nothing(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    with sweep(design, out, "--workers", "2", faults=SLOW) as command:
        for count in (2, 6):
            wait_for_parts(out, count)
            command.workers()[0].kill()
        code, _, errors = command.end()
        assert (code, errors) == (0, "") and command.leaves_nothing()
    assert tables(out) == undisturbed


def test_a_frozen_worker_changes_nothing(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    seconds = {"abm.sweeps.work.executors.SCHEDULER_SETTINGS": {"distributed.scheduler.worker-ttl": "1s"}}
    with sweep(design, out, "--workers", "2", faults=faults(settings=seconds)) as command:
        wait_for_parts(out)
        command.workers()[0].suspend()
        code, _, errors = command.end()
        assert (code, errors) == (0, "") and command.leaves_nothing()
    assert tables(out) == undisturbed


def test_local_processes_listen_to_this_machine_only(design, tmp_path):
    out = tmp_path / "out"
    with sweep(design, out, "--workers", "2", faults=SLOW) as command:
        wait_for_parts(out)
        own = {process.pid for process in command.members()}
        addresses = {
            connection.laddr.ip
            for connection in psutil.net_connections("inet")
            if connection.pid in own and connection.status == psutil.CONN_LISTEN
        }
    assert len(own) >= 3
    assert addresses == {"127.0.0.1"}


def test_a_fork_server_that_is_killed_again_as_it_starts_a_worker_changes_nothing(design, undisturbed, tmp_path):
    out = tmp_path / "out"
    soon = {"abm.sweeps.work.executors.local._GIVEN_UP": 3.0}
    with sweep(design, out, "--workers", "1", faults=faults(settings=soon)) as command:
        wait_for_parts(out)
        first = wait_until(command.fork_server, "a fork server")
        first.kill()
        # The worker ends with it. The next server is killed before the worker that it forks has answered Dask.
        wait_until(lambda: (server := command.fork_server()) and server.pid != first.pid and server, "another").kill()
        code, _, errors = command.end()
        assert (code, errors) == (0, "") and command.leaves_nothing()
    assert tables(out) == undisturbed


def test_a_killed_sweep_goes_on_from_any_moment(design, undisturbed_sweep, tmp_path):
    undisturbed, seconds = undisturbed_sweep
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


# --- an existing cluster ------------------------------------------------------------------------------


@pytest.mark.parametrize("victim", ["worker", "nanny"])
def test_a_killed_worker_of_an_existing_cluster_changes_nothing(design, undisturbed, tmp_path, dask, victim):
    out = tmp_path / "out"
    workers = dask.start().add(2)
    with sweep(design, out, "--scheduler", dask.address, faults=faults()) as command:
        for each in workers:
            wait_until(each.workers, "the worker has started")
        wait_for_parts(out)
        if victim == "worker":
            workers[0].workers()[0].kill()
        else:
            workers[0].process.kill()
        code, _, errors = command.end()
        assert (code, errors) == (0, "") and command.leaves_nothing()
    assert tables(out) == undisturbed


@pytest.fixture
def slow_workers(dask):
    """A scheduler that notices soon that a worker is lost, and two workers with slow runs."""
    return dask.start(SCHEDULER__WORKER_TTL="1s").add(2, faults=SLOW)


def test_a_frozen_worker_of_an_existing_cluster_changes_nothing(design, undisturbed, tmp_path, dask, slow_workers):
    out = tmp_path / "out"
    with sweep(design, out, "--scheduler", dask.address, faults=SLOW) as command:
        wait_for_parts(out)
        slow_workers[0].workers()[0].suspend()
        code, _, errors = command.end()
        assert (code, errors) == (0, "") and command.leaves_nothing()
    assert tables(out) == undisturbed


def test_without_any_worker_a_sweep_stops_and_says_so(design, undisturbed, tmp_path, dask, slow_workers):
    out = tmp_path / "out"
    with sweep(design, out, "--scheduler", dask.address, "--patience", "2", faults=soon()) as command:
        wait_for_parts(out)
        for worker in slow_workers:
            worker.close()
        code, _, errors = command.end()
        assert code == 1 and command.leaves_nothing()
    assert says_how_to_go_on(errors, out) and "there was no worker for 2 s" in errors
    kept = parts(out)
    assert kept >= 2
    dask.add(1)
    code, _, errors = run_sweep(design, out, "--scheduler", dask.address)
    assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


def test_a_sweep_does_not_wait_for_ever_for_its_first_worker(design, tmp_path, dask):
    out = tmp_path / "out"
    code, _, errors = run_sweep(design, out, "--scheduler", dask.start().address, "--patience", "1", faults=soon())
    assert code == 1 and "there was no worker for 1 s" in errors


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_without_its_scheduler_a_sweep_stops_and_says_so(design, tmp_path, dask, slow_workers, number):
    out = tmp_path / "out"
    with sweep(design, out, "--scheduler", dask.address, faults=soon()) as command:
        wait_for_parts(out)
        dask.scheduler.send(number)
        code, _, errors = command.end()
        assert code == 1 and command.leaves_nothing()
    assert says_how_to_go_on(errors, out)
    what = "is lost" if number == signal.SIGKILL else "did not answer for 10 s"
    assert f"the scheduler {dask.address} {what}" in errors


def test_a_sweep_goes_on_after_its_scheduler_was_killed(design, undisturbed, tmp_path, dask, slow_workers):
    out = tmp_path / "out"
    with sweep(design, out, "--scheduler", dask.address, faults=soon()) as command:
        wait_for_parts(out)
        dask.scheduler.send(signal.SIGKILL)
        assert command.end()[0] == 1
    code, _, errors = run_sweep(design, out)
    assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


def test_an_interruption_leaves_an_existing_cluster_to_others(design, undisturbed, tmp_path, dask, slow_workers):
    out = tmp_path / "out"
    with sweep(design, out, "--scheduler", dask.address, faults=SLOW) as command:
        wait_for_parts(out)
        command.send_all(signal.SIGINT)
        code, _, errors = command.end()
        assert code == 130 and says_how_to_go_on(errors, out) and command.leaves_nothing()
    code, _, errors = run_sweep(design, out, "--scheduler", dask.address)
    assert (code, errors) == (0, "")
    assert tables(out) == undisturbed


def test_a_worker_with_another_version_is_refused_before_a_run(design, tmp_path, dask):
    out = tmp_path / "out"
    dask.start().add(1)
    dask.add(1, faults={"versions": {"numpy": "1.0"}})
    code, _, errors = run_sweep_with_two_workers(design, out, dask)
    assert code == 2 and errors.startswith("abm: error: worker tcp://127.0.0.1:")
    assert f"has numpy 1.0, this process has {np.__version__}" in errors
    assert parts(out) == 0


def run_sweep_with_two_workers(design, out, dask):
    """Run a sweep once both workers are there."""
    from distributed import Client

    with Client(dask.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=30)
    return run_sweep(design, out, "--scheduler", dask.address)


def test_a_worker_with_another_version_that_comes_later_is_refused_by_name(design, tmp_path, dask):
    out = tmp_path / "out"
    dask.start().add(1, faults=SLOW)
    with sweep(design, out, "--scheduler", dask.address, faults=SLOW) as command:
        wait_for_parts(out, 1)
        dask.add(1, faults={"versions": {"abm": "0.0.1"}})
        code, _, errors = command.end()
        assert code == 2 and command.leaves_nothing()
    assert "abm: error: worker process" in errors and "has abm 0.0.1, the sweep has" in errors


def test_a_worker_without_the_package_is_refused(design, tmp_path, dask):
    out = tmp_path / "out"
    (tmp_path / "other" / "abm").mkdir(parents=True)
    # An import hook of pip's would still find the modules within a package that is only empty.
    (tmp_path / "other" / "abm" / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'abm'\")")
    dask.start().add(1, environment={"PYTHONPATH": str(tmp_path / "other")})
    dask.add(1)
    code, _, errors = run_sweep_with_two_workers(design, out, dask)
    assert code == 2 and "has another abm, or none" in errors
