"""An existing Dask cluster whose scheduler or workers are killed, frozen or unfit."""

import signal

import numpy as np
import pytest

from tests.faults.commands import (
    SLOW,
    faults,
    parts,
    run_sweep,
    says_how_to_go_on,
    sweep,
    tables,
    wait_for_parts,
    wait_until,
)

pytestmark = pytest.mark.slow


def soon(**settings) -> dict:
    """Faults with a sweep that checks its scheduler more often than usual.

    A scheduler may take some seconds to answer where the machine is busy.
    """
    driver = {"abm.sweeps.work.driver.PING": 0.3, "abm.sweeps.work.driver.PING_PATIENCE": 10.0}
    return faults(settings=driver | settings)


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
