"""The targets of speed and memory, and what was measured."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.speed import processes
from experiments.speed.elsewhere import NARROW, Elsewhere
from experiments.speed.machine import instructions
from experiments.speed.subjects import STEADY, engine, engine_step_by_step, many, mesa_peer, model, numpy_peer
from experiments.speed.turns import Candidate, take_turns

COLUMNS = ("figure", "median", "least", "most", "at_least", "hoped_for", "reached")


def verdict(median: float, at_least: str, hoped_for: str) -> str:
    """How far a figure comes, of two bounds such as ">= 3" or "<= 1.05"; without bounds nothing.

    Examples
    --------
    >>> verdict(1.04, "<= 1.05", "<= 1.02"), verdict(2.0, ">= 3", ">= 4"), verdict(2.0, "", "")
    ('at least', 'missed', '')
    """

    def holds(bound: str) -> bool:
        sign, number = bound.split()
        return median >= float(number) if sign == ">=" else median <= float(number)

    if not at_least:
        return ""
    return "hoped for" if hoped_for and holds(hoped_for) else "at least" if holds(at_least) else "missed"


def _row(figure: str, values: Sequence[float], at_least: str = "", hoped_for: str = "") -> dict:
    median = float(np.median(values))
    numbers = figure, median, np.min(values), np.max(values)
    return dict(zip(COLUMNS, (*numbers, at_least, hoped_for, verdict(median, at_least, hoped_for)), strict=True))


def rate_rows(listed: dict[tuple[int, str], Candidate], limit: float) -> list[dict]:
    """Ratios of rates of single markets; `limit` is the firm-steps a second that the memory's speed allows."""
    peer, naive = listed[10_000, "NumPy"].rates, listed[10_000, "naive NumPy"].rates
    ours = listed[10_000, "abm, 1 thread"].rates
    rows = [
        _row("steady state with turnover, 1e4 slots, 1 thread, over NumPy", listed[10_000, STEADY].rates / peer),
        _row("1e4 firms, 1 thread, over NumPy", ours / peer, ">= 6.5", ">= 8"),
        _row("1e4 firms, 1 thread, over naive NumPy", ours / naive),
    ]
    if (1_000_000, "NumPy") in listed:
        two, one = listed[1_000_000, "abm, 2 threads"].rates, listed[1_000_000, "abm, 1 thread"].rates
        rows.append(_row("1e6 firms, 2 threads, over NumPy", two / listed[1_000_000, "NumPy"].rates, ">= 9", ">= 12"))
        rows.append(_row("1e6 firms, 2 threads, share of the memory's limit", two / limit, ">= 0.6", ">= 0.8"))
        rows.append(_row("1e6 firms, 2 threads over 1", two / one))
    return rows


def elsewhere_rows(release: Path | None, rounds: int) -> list[dict]:
    """Ratios to the release before, in the steady state and with full statistics, and to code for AVX2."""
    rows = []
    if release is not None:
        with closing(Elsewhere("abm")) as here, closing(Elsewhere("release before", release)) as before:
            steady, full, fresh = (
                [process.candidate(name) for process in (here, before)] for name in ("steady", "full", "fresh")
            )
            take_turns([*steady, *full, *fresh], rounds)
        rows += [
            _row("steady state with turnover, 1e4 slots, over the release before",
                 steady[0].rates / steady[1].rates, ">= 3.3", ">= 4"),
            _row("1e4 firms, 1 thread, over the release before", fresh[0].rates / fresh[1].rates),
            _row("full statistics at 1e5 firms, time over the release before's",
                 full[0].costs / full[1].costs, "<= 0.6", "<= 0.4"),
        ]  # fmt: skip
    if "AVX-512" in instructions():
        peer = numpy_peer(10_000, 100)
        with closing(Elsewhere("abm by AVX2", environment=NARROW)) as narrow:
            candidates = [narrow.candidate("fresh"), narrow.candidate("steady")]
            take_turns([*candidates, peer], rounds)
        rows += [
            _row(f"{what} by AVX2 code, over NumPy", each.rates / peer.rates)
            for what, each in zip(("1e4 firms, 1 thread,", "steady state, 1e4 slots,"), candidates, strict=True)
        ]
    return rows


def ratio_rows(rounds: int) -> list[dict]:
    """Ratios of other things that take turns."""
    small, peer, objects = many(1_000, 200, 200, 2), numpy_peer(10_000, 100), mesa_peer(1_000, 10)
    stepped = {firms: (model(firms, steps), engine_step_by_step(firms, steps)) for firms, steps in
               ((100_000, 20), (1_000, 1_000))}  # fmt: skip
    levels = [engine(100_000, 1, 20, full=full) for full in (True, False)]
    kept = [engine(100_000, 1, 20, every=every) for every in (0, 1)]
    take_turns([small, peer, objects, *stepped[100_000], *stepped[1_000], *levels, *kept], rounds)
    rows = [
        _row("1,000 x 200 firms x 200 steps, 2 threads, over Mesa objects", small.rates / objects.rates,
             ">= 800", ">= 1000"),
        _row("1,000 x 200 firms x 200 steps, 2 threads, over NumPy at 1e4", small.rates / peer.rates),
    ]  # fmt: skip
    for (firms, (ours, bare)), bounds in zip(stepped.items(), (("<= 1.05", "<= 1.02"), ("", "")), strict=True):
        rows.append(_row(f"MarketModel.step over the engine's at {firms:,} firms", ours.costs / bare.costs, *bounds))
    rows.append(_row("full over light at 1e5 firms", levels[0].costs / levels[1].costs))
    rows.append(_row("no step table over one of every step, at 1e5 firms", kept[0].costs / kept[1].costs))
    return rows


def process_rows(rounds: int, quick: bool) -> list[dict]:
    """Times and memory of whole processes."""
    commands = [processes.bare_imports(), processes.help_command(), processes.run_command()]
    take_turns(commands, rounds)
    bare, help_, run = (np.array(each.seconds) for each in commands)
    rows = [
        _row('abm run four-sectors, warm, over python -c "import numpy, numba"', run / bare, "<= 3", "<= 2"),
        _row("abm run four-sectors, warm, s", run),
        _row("abm --help, s", help_),
    ]
    if not quick:
        rows.append(_row("abm run four-sectors, the first after installing, s", [processes.cold_start()],
                         "<= 35", "<= 20"))  # fmt: skip
        rows.append(_row("bytes a slot at 1e7 slots, whole process", [processes.bytes_a_slot()], "<= 240", "<= 200"))
        rows.append(_row("1e6 runs, GiB above their table", [processes.bytes_over_table() / 2**30]))
    return rows


def targets(
    listed: dict[tuple[int, str], Candidate], limit: float, rounds: int, quick: bool, release: Path | None
) -> pd.DataFrame:
    """Every figure with its median, its range over rounds, and its targets; the steady state first."""
    rows = [*elsewhere_rows(release, rounds), *rate_rows(listed, limit), *ratio_rows(rounds)]
    rows += process_rows(min(rounds, 5), quick)
    return pd.DataFrame(sorted(rows, key=lambda row: not row["figure"].startswith("steady state")))
