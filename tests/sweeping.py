"""Sweeps for tests: small designs, and an executor that makes the runs in this process, one chunk after the other."""

import asyncio
import contextlib
import threading
from pathlib import Path

from abm.sweeps.design.design import Design
from abm.sweeps.run import SweepRun
from abm.sweeps.shard import Shard
from abm.sweeps.store import contents
from abm.sweeps.store.writing import SweepWriter

# All tables, and two factors of which one is a text; a run takes a few milliseconds.
EVERYTHING = """
scenario = "four-sectors"
[set]
steps = 12
capacity = 20
runway = 2.0
[factors]
network_effect = [0.0, 0.9]
policy = ["fixed", "imitate"]
[replications]
count = 2
seed = 1
[collect]
level = "full"
steps = 3
lives = true
firms = true
panel = 5
"""
# Equal byte for byte however the runs were made.
TABLES = ("points", *(name for name in contents.TABLES if name != "failures"))


class _Future:
    """The result of a chunk, for `await`."""

    def __init__(self, function, arguments) -> None:
        self._value = self._problem = None
        try:
            self._value = function(*arguments)
        except Exception as problem:  # noqa: BLE001 - handed on, as from another process
            self._problem = problem

    def __await__(self):
        if self._problem:
            raise self._problem
        return self._value
        yield

    def release(self) -> None:
        pass


class _Client:
    """What a driver needs of a Dask client, with an event loop in a thread."""

    status = "running"
    address = "in this process"

    def __init__(self, workers: int) -> None:
        self.workers, self.chunks = workers, []
        self.scheduler = self.loop = self
        self.asyncio_loop = asyncio.new_event_loop()
        threading.Thread(target=self.asyncio_loop.run_forever, daemon=True).start()

    async def ncores(self) -> dict:
        return dict.fromkeys(range(self.workers), 1)

    def sync(self, function):
        return asyncio.run(function())

    async def run(self, function, on_error) -> dict:
        return {"here": function()}

    def submit(self, function, *arguments, key, pure) -> _Future:
        self.chunks.append(arguments[-1])
        return _Future(function, arguments)


class InProcess:
    """An executor that makes the runs in this process and counts them."""

    def __init__(self, workers: int = 1) -> None:
        self._client = _Client(workers)

    def check(self) -> None:
        pass

    def cores(self) -> int:
        return self._client.workers

    def expects_workers(self) -> bool:
        return False

    def missing_workers(self, workers: int) -> str:
        return ""

    @contextlib.contextmanager
    def client(self, folder, note):
        yield self._client

    @property
    def chunks(self) -> list[int]:
        """Number of runs of each chunk, in the order in which they were submitted."""
        return [sum(len(runs.seeds) for runs in chunk) for chunk in self._client.chunks]

    @property
    def runs(self) -> int:
        return sum(self.chunks)


class StopsAfter(InProcess):
    """Is interrupted, as by Ctrl-C, after a number of chunks."""

    def __init__(self, number: int) -> None:
        super().__init__()
        submit, self._left = self._client.submit, number

        def counted(*arguments, **options):
            if not self._left:
                raise KeyboardInterrupt
            self._left -= 1
            return submit(*arguments, **options)

        self._client.submit = counted


def design_of(text: str, folder: str | Path = ".") -> Design:
    return Design.from_toml(text, "my.toml", folder)


def make(text: str | Design, out: Path, executor: InProcess | None = None, **options) -> int:
    """Run a design in this process; returns the number of runs that were made."""
    executor = executor or InProcess()
    design = text if isinstance(text, Design) else design_of(text)
    before = executor.runs
    SweepRun(design, SweepWriter(out), executor).run(**options)
    return executor.runs - before


def make_shard(text: str | Design, out: Path, number: int, count: int, **options) -> int:
    executor = InProcess()
    design = text if isinstance(text, Design) else design_of(text)
    SweepRun(design, SweepWriter(out), executor).run_shard(Shard(number, count), **options)
    return executor.runs


def tables_of(out: Path) -> dict[str, bytes]:
    """The bytes of the tables that must be equal however they were made."""
    return {name: (out / f"{name}.parquet").read_bytes() for name in TABLES if (out / f"{name}.parquet").exists()}
