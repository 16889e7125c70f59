"""Where the runs of a plan are stored, sorted by their number on the disk, so that memory does not grow with them.

Some runs at a time are sorted in memory and written as one file, in pieces that belong to equal ranges of numbers. All
about a range of runs is then read from the pieces of that range in every file.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from abm.errors import Stopped
from abm.sweeps.design.plan import Plan
from abm.sweeps.store.reader import FinishedSource, PartSource, RunBatch, run_batches
from abm.sweeps.store.run_states import NOT_IN_PLAN, run_numbers

SIZE = 100_000  # runs that are sorted together, and runs of a range
_MOST_FILES = 1_000  # beyond, each has more runs


class SortedRuns:
    """The stored runs of a plan in which none is missing.

    Parameters
    ----------
    plan : Plan
    sources : sequence of PartSource or FinishedSource
    tables : sequence of str
        Those whose rows are found.
    folder : Path
        For the sorted runs.

    Attributes
    ----------
    plan, sources
    size : int
        Runs of a range.
    has_others : bool
        Whether there are runs that are not in the plan.
    """

    def __init__(
        self, plan: Plan, sources: Sequence[PartSource | FinishedSource], tables: Sequence[str], folder: Path
    ) -> None:
        self.plan, self.sources, self._tables, self._folder = plan, sources, tables, folder
        self.size = max(SIZE, -(-plan.runs // _MOST_FILES))
        self.has_others = False
        self._files: list[Path] = []
        held, count = [], 0
        for number, batch in run_batches(sources):
            held.append(self._places(number, batch))
            count += held[-1].num_rows
            if count >= self.size:
                self._write(pa.concat_tables(held))
                held, count = [], 0
        if count:
            self._write(pa.concat_tables(held))

    def of(self, runs: np.ndarray) -> pa.Table:
        """A row for each of some runs, by their numbers.

        Returns
        -------
        Table
            `run`, `failed`, `seconds`, `source` (its number); for each table the first row there, as `TABLE.first`,
            and the number of rows, as TABLE. Of a run that is stored several times, one that succeeded if there is one.
        """
        ranges = runs // self.size
        needed = np.unique(ranges)
        read = pa.concat_tables([self._range(int(number)) for number in needed])
        starts = np.searchsorted(needed, ranges) * self.size  # each range but the plan's last has as many runs
        return read.take(pa.array(starts + runs % self.size))

    def _places(self, source: int, batch: RunBatch) -> pa.Table:
        number = run_numbers(self.plan, batch)
        self.has_others |= bool(np.any(number == NOT_IN_PLAN))
        columns = {
            "run": pa.array(number),
            "failed": batch.runs["failed"],
            "seconds": batch.runs["seconds"],
            "source": pa.array(np.full(len(number), source, dtype=np.int32)),
        }
        for table in self._tables:
            columns |= {f"{table}.first": pa.array(batch.first[table]), table: batch.runs[table]}
        return pa.table(columns).filter(pa.array(number >= 0))

    def _write(self, runs: pa.Table) -> None:
        """Write runs as one file, with a piece for each range, which may be empty."""
        runs = runs.sort_by("run").combine_chunks()
        bounds = np.searchsorted(runs["run"].to_numpy(), np.arange(0, self.plan.runs + self.size, self.size))
        path = self._folder / f"{len(self._files)}.arrow"
        nothing = pa.RecordBatch.from_arrays([pa.array([], field.type) for field in runs.schema], schema=runs.schema)
        with pa.ipc.new_file(path, runs.schema) as file:
            for begin, end in itertools.pairwise(bounds.tolist()):
                file.write_batch(runs.slice(begin, end - begin).to_batches()[0] if end > begin else nothing)
        self._files.append(path)

    def _range(self, number: int) -> pa.Table:
        """The runs of a range, each once."""
        pieces = []
        for path in self._files:
            with path.open("rb") as file:
                pieces.append(pa.ipc.open_file(file).get_batch(number))
        runs = pa.Table.from_batches(pieces) if pieces else None
        expected = min(self.size, self.plan.runs - number * self.size)
        if runs is not None:
            # The last of equal ones is taken; failed ones are before others.
            runs = runs.sort_by([("run", "ascending"), ("failed", "descending")]).combine_chunks()
            run = runs["run"].to_numpy()
            runs = runs.filter(pa.array(np.append(run[1:] != run[:-1], True)[: len(run)]))
        if runs is None or runs.num_rows != expected:
            raise Stopped(
                f"{self._folder.parent.parent}: parts vanished while they were merged; the same command goes on"
            )
        return runs
