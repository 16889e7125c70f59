"""The state of a sweep's folder, also while another process makes its runs."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.sweeps.detach import client_of
from abm.sweeps.results import load_sweep
from abm.sweeps.store.contents import locks
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.lock import reports
from abm.sweeps.store.owned import holds_a_sweep
from abm.sweeps.store.reader import Reader, run_batches
from abm.sweeps.store.run_states import DONE, FAILED, MISSING, run_numbers, run_states
from abm.sweeps.terminal import duration

if TYPE_CHECKING:  # pandas is slow to import
    import pandas as pd

    from abm.simulation.results import Result

_LARGE = 64_000_000  # bytes from which only the size of a file is checked


def status(folder: str | os.PathLike) -> dict[str, str]:
    """How many runs are done, failed and missing, and how fast the sweep is, as texts by name."""
    store = SweepFolder(folder)
    manifest = store.manifest()
    facts = {"sweep": f"{store.folder}, begun {manifest['begun']}"}
    if not store.is_under_way():
        summary = store.summary()
        if summary is None:
            return facts | {"state": "not begun"}
        facts |= {"state": "finished"} | _ended(summary)
        if damaged := store.damage_report(_LARGE):
            facts["state"] = "damaged; the same command repairs it"
            facts |= {f"damaged {number}": text for number, text in enumerate(damaged, 1)}
        return facts
    if (summary := store.committed()) is not None:
        return facts | {"state": f"all runs are made; abm sweep finish {folder} makes the tables"} | _ended(summary)
    states = run_states(store.plan(), store.sources())
    facts["done"] = f"{states.count(DONE):,} of {states.plan.runs:,}"
    facts |= {"failed": f"{states.count(FAILED):,}", "missing": f"{states.count(MISSING):,}"}
    running = reports(locks(store.working))
    client = client_of(store.working)
    if client:
        facts["client"] = client.text
    if running:
        facts["state"] = "running"
    elif client and client.number:
        facts["state"] = "submitted"
    elif states.count(MISSING):
        facts["state"] = "interrupted; the same command goes on"
    else:
        facts["state"] = f"all runs are made; abm sweep finish {folder} makes the tables"
    for each in running:
        process = f"process {each['pid']} on {each['host']}"
        missing = f"{each['missing']}, " if each.get("missing") else ""
        facts[process] = f"{each.get('rate', 0):,.1f} runs a second, {missing}time left {duration(each.get('left'))}"
    return facts


def _ended(summary: dict[str, Any]) -> dict[str, str]:
    facts = {"done": f"{summary['done']:,}", "failed": f"{summary['failed']:,}", "missing": "0"}
    return facts | {"work": duration(summary["run_seconds"])}


def failures(folder: str | os.PathLike) -> "pd.DataFrame":
    """A DataFrame of the failed runs with the values of their factors, of a sweep that is finished or not."""
    store = SweepFolder(folder)
    store.manifest()
    if not store.is_under_way() or store.committed():
        return load_sweep(folder).failures
    import pandas as pd

    plan, sources = store.plan(), store.sources()
    done = np.zeros(plan.runs, dtype=bool)
    places: dict[int, tuple[int, int]] = {}  # of each failed run: its source, and its row in the failures there
    for source, batch in run_batches(sources):
        number, failed = run_numbers(plan, batch), batch.runs["failed"].to_numpy()
        done[number[~failed & (number >= 0)]] = True
        for row in np.flatnonzero(failed & (number >= 0)):
            places[int(number[row])] = source, int(batch.first["failures"][row])
    frames, reader = [], Reader(sources, "failures")
    for run in sorted(run for run in places if not done[run]):
        number, replication = divmod(run, plan.replications.count)
        source, first = places[run]
        row = reader.rows(np.array([source]), np.array([first]), np.array([1])).to_pandas()
        for point in np.flatnonzero(plan.distinct_of == number):
            own = {"point": point, "replication": replication, "seed": plan.seeds[number][replication]}
            frames.append(row.assign(**own, **plan.changes(point)))
    names = ["point", "replication", "seed", *plan.points, "error", "traceback"]
    return pd.concat(frames, ignore_index=True)[names] if frames else pd.DataFrame(columns=names)


def run_again(folder: str | os.PathLike, point: int, replication: int) -> "Result":
    """The Result of one run of a sweep, made in this process, which raises what the run raises."""
    from abm.scenario.rules import with_sources
    from abm.scenario.scenario import Scenario
    from abm.simulation.simulate import simulate
    from abm.sweeps.design.futures import future
    from abm.sweeps.design.settings import Collect

    store = SweepFolder(folder)
    manifest = store.manifest()
    holds_a_sweep(store.folder)  # raises if a link is among its files
    if functions := manifest.get("functions"):
        raise InputError(
            f"{store.folder}: its runs called {', '.join(functions)}, and no code is run from a folder of results; "
            "manifest.json holds the text: make the run by the design's own files"
        )
    plan = store.plan()
    for name, value, count in (
        ("point", point, len(plan.points)),
        ("replication", replication, plan.replications.count),
    ):
        if not 0 <= value < count:
            raise InputError(f"{store.folder}: {name} = {value} is not one of 0 to {count - 1}")
    scenario = Scenario.stored(store.folder / "scenario.toml").replace(**with_sources(plan.changes(point), {}))
    collect = Collect(**manifest["collect"])
    seed, past = int(plan.seeds[plan.distinct_of[point]][replication]), plan.replications.past
    return simulate(
        scenario if past is None else future(scenario, seed),
        seed if past is None else past,
        firms=store.firms_path(),
        collect=collect.level,
        every=collect.every,
        panel=collect.panel,
        threads=1,
    )
