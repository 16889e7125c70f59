"""Jobs kept in the queue of a batch system that refuses some, loses some or is slow, without a batch system."""

import dataclasses

import pytest

from abm.errors import InputError, Stopped
from abm.sweeps.work.batch import keeper
from abm.sweeps.work.batch.keeper import JobKeeper
from abm.sweeps.work.batch.systems import SLURM
from abm.sweeps.work.executors.jobs import BatchJobs
from abm.sweeps.work.job_options import JobOptions


class Cluster:
    """A batch system's commands, in this process, and its clock."""

    def __init__(self) -> None:
        self.limit, self.jobs, self.number, self.now, self.fails = 1_000_000, {}, 0, 1000.0, ""

    def queue(self, name: str) -> dict[str, bool]:
        if self.fails:
            raise InputError(self.fails)
        return dict(self.jobs)

    def call(self, kind: str, command: list[str], text: str = "") -> str:
        assert (kind, command, text) == ("slurm", ["sbatch", "--parsable"], "#!/bin/bash")
        if len(self.jobs) >= self.limit:
            raise InputError("--cluster slurm: sbatch: error: QOSMaxSubmitJobPerUserLimit")
        self.number += 1
        self.jobs[str(self.number)] = True
        return f"{self.number};main"

    def run_all(self) -> None:
        self.jobs = dict.fromkeys(self.jobs, False)


@pytest.fixture
def cluster(monkeypatch):
    made = Cluster()
    monkeypatch.setattr(keeper.time, "monotonic", lambda: made.now)
    monkeypatch.setattr("abm.sweeps.work.batch.queues.call", made.call)
    return made


@pytest.fixture
def kept(cluster):
    """Makes the executor of so many jobs of an hour, its keeper, and the list of its notes."""

    def make(jobs: int) -> tuple[BatchJobs, JobKeeper, list[str]]:
        said = []
        asked = BatchJobs(JobOptions(jobs=jobs))
        system = dataclasses.replace(SLURM, queue=cluster.queue)
        asked._keeper = JobKeeper(system, asked.name, jobs, "#!/bin/bash", 2000.0, said.append)
        return asked, asked._keeper, said

    return make


def test_a_refusal_by_the_system_is_said_once_and_tried_again(cluster, kept):
    cluster.limit = 2
    asked, queue, said = kept(4)
    for _ in range(3):
        queue.look()
    assert said == [
        "--cluster slurm: sbatch: error: QOSMaxSubmitJobPerUserLimit (2 of 4 jobs are refused; they are submitted "
        "again later)"
    ]
    assert asked.missing_workers(0) == "0 of 4 workers, 2 of 4 jobs wait in the queue, 2 of 4 jobs refused by Slurm"
    assert asked.expects_workers()
    cluster.limit = 9
    cluster.run_all()
    queue.look()
    assert len(cluster.jobs) == 4
    queue.look()
    assert asked.missing_workers(2) == "2 of 4 workers, 2 of 4 jobs wait in the queue"
    assert asked.missing_workers(4) == ""


def test_the_looks_at_a_queue_that_refuses_or_does_not_answer_become_rarer_and_then_usual_again(cluster, kept):
    cluster.limit = 0
    _, queue, said = kept(4)
    pauses = []
    for _ in range(7):
        queue.look()
        pauses.append(queue.pause)
    assert pauses == [20.0, 40.0, 80.0, 160.0, 300.0, 300.0, 300.0]
    cluster.limit = 9
    queue.look()
    assert queue.pause == 10.0
    cluster.fails = "--cluster slurm: squeue did not answer for a minute"
    queue.look()
    queue.look()
    assert queue.pause == 40.0 and said[1:] == [cluster.fails]


def test_a_system_that_answers_slowly_is_asked_more_rarely(cluster, kept, monkeypatch):
    _, queue, _ = kept(4)
    call = cluster.call

    def slow(kind: str, command: list[str], text: str = "") -> str:
        cluster.now += 7.0
        return call(kind, command, text)

    monkeypatch.setattr("abm.sweeps.work.batch.queues.call", slow)
    queue.look()
    assert len(cluster.jobs) == 4 and queue.pause == 20.0


def test_many_jobs_are_submitted_a_few_at_a_time(cluster, kept):
    _, queue, _ = kept(50)
    counts = []
    for _ in range(4):
        queue.look()
        counts.append((len(cluster.jobs), queue.pause))
    assert counts == [(20, 1.0), (40, 1.0), (50, 10.0), (50, 10.0)]


def test_a_job_that_the_queue_does_not_show_at_once_is_not_submitted_again(cluster, kept):
    _, queue, _ = kept(2)
    queue.look()
    shown, cluster.jobs = cluster.jobs, {}
    cluster.now += 1.0
    queue.look()
    assert (cluster.jobs, queue.ended_early, queue.pending) == ({}, 0, 2)
    cluster.jobs = shown
    cluster.now += 10.0
    queue.look()
    assert set(cluster.jobs) == {"1", "2"}
    cluster.jobs = {}  # they have been there, and have ended
    queue.look()
    assert set(cluster.jobs) == {"3", "4"} and queue.lost == 2


def test_jobs_that_end_before_the_life_of_their_workers_are_named_lost(cluster, kept):
    asked, queue, _ = kept(3)
    queue.look()
    cluster.run_all()
    queue.look()
    cluster.now += 500.0
    del cluster.jobs["1"]
    queue.look()
    cluster.now += 1500.0
    del cluster.jobs["2"], cluster.jobs["3"]  # their workers have reached their life
    queue.look()
    assert queue.lost == 1 and set(cluster.jobs) == {"4", "5", "6"}
    assert asked.missing_workers(1).endswith(", 1 lost and replaced")


def test_jobs_that_end_early_stop_a_sweep_unless_workers_came_meanwhile(cluster, kept):
    asked, queue, _ = kept(4)
    for look in range(8):
        queue.look()
        cluster.jobs.clear()
        cluster.now += 10.0
        if look == 3:
            asked.missing_workers(1)
    assert queue.ended_early == 16
    with pytest.raises(Stopped, match="16 jobs in a row ended before a worker came of one; --directive=--output=FILE"):
        asked.expects_workers()


def test_nothing_is_submitted_once_the_queue_is_closed(cluster, kept):
    _, queue, _ = kept(4)
    queue.close()
    queue.look()
    assert cluster.jobs == {}
