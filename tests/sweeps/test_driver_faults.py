"""Local workers, and the process from which they are forked, killed or frozen: the tables stay the same."""

import psutil
import pytest

from tests.faults.commands import SLOW, faults, sweep, tables, wait_for_parts, wait_until

pytestmark = pytest.mark.slow


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
