"""The end of a sweep: makes its tables from its runs, and its summary."""

import os
import time
from collections.abc import Callable

from abm.errors import Stopped
from abm.output.files import write_json
from abm.output.stored import sealed
from abm.sweeps.design.settings import Collect
from abm.sweeps.progress import Progress
from abm.sweeps.results import load_sweep
from abm.sweeps.store.contents import DESIGN, LOCK, SCENARIO, SHARD_LOCKS, SUMMARY, locks
from abm.sweeps.store.digests import digests_of
from abm.sweeps.store.lock import held, refuse_if_locked
from abm.sweeps.store.merge import keep_unplanned_runs, merge
from abm.sweeps.store.owned import holds_a_sweep
from abm.sweeps.store.parts import PARTS
from abm.sweeps.store.plan_files import save_plan
from abm.sweeps.store.run_states import DONE, FAILED, MISSING, RunStates, run_states
from abm.sweeps.store.sorted_runs import SortedRuns
from abm.sweeps.store.tables import table_names
from abm.sweeps.store.writing import SweepWriter
from abm.sweeps.sweep_results import SweepResults


def finish(store: SweepWriter, states: RunStates, progress: Progress, cores: int, check: Callable[[], None]) -> None:
    """Make the tables of a sweep whose runs are all stored; `check` raises if the lock is lost."""
    for path in locks(store.working, SHARD_LOCKS):  # of processes that have ended; the caller has made sure of that
        path.unlink()
    manifest = store.manifest()
    tables = table_names(Collect(**manifest["collect"]))
    plan, sources = states.plan, store.sources()
    with store.commit(check) as folder:
        with store.sorting() as scratch:
            runs = SortedRuns(plan, sources, tables, scratch)
            merged = merge(runs, tables, folder)
        if runs.has_others:
            keep_unplanned_runs(plan, sources, tables, folder / PARTS)
        save_plan(plan, folder)
        summary = {
            "points": len(plan.points),
            "replications": plan.replications.count,
            "done": states.count(DONE),
            "failed": states.count(FAILED),
            "rows": merged.rows,
            "tables": tables,
            "seconds_a_run": merged.seconds / max(plan.runs, 1),
            "run_seconds": merged.seconds,
            "cores": cores,
            "wall_seconds": round(time.monotonic() - progress.started, 3),
            "runs_made_by_this_call": progress.fresh,
            "draws": plan.draws,
        }
        kept = [DESIGN, SCENARIO, *([manifest["firms_file"]] if manifest["firms_file"] else [])]
        files = [*(store.folder / name for name in kept), *sorted(folder.glob("*.parquet"))]
        summary["files"] = {path.name: digests_of(path) for path in files}
        write_json(sealed(summary), folder / SUMMARY)


def finish_sweep(out: str | os.PathLike) -> SweepResults:
    """Make the tables of a sweep whose shards are done.

    Raises
    ------
    InputError
        If the folder holds no sweep, or a shard is at work on it.
    Stopped
        If runs are missing, by number.
    """
    store = SweepWriter(out)
    store.manifest()
    progress = Progress()
    holds_a_sweep(store.folder)  # raises if there are files of other programs
    if store.working.exists():
        store.begin()
        refuse_if_locked(locks(store.working, SHARD_LOCKS))
        with held(store.working / LOCK, progress.report) as lock:
            store.finish_commit()
            if store.is_under_way():
                store.remove_damaged_parts()
                states = run_states(store.plan(), store.sources())
                if missing := states.count(MISSING):
                    raise Stopped(
                        f"{missing:,} of {states.plan.runs:,} runs are missing; make them by the command "
                        "of their shard, or all by the sweep's without --shard"
                    )
                finish(store, states, progress, 0, lock.check)
        store.tidy()
    return load_sweep(out)
