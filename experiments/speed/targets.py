"""The targets of speed and memory, and what was measured."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from experiments.speed import processes
from experiments.speed.subjects import engine, engine_step_by_step, many, mesa_peer, model, numpy_peer
from experiments.speed.turns import Candidate, take_turns

COLUMNS = ("figure", "median", "least", "most", "to_reach")


def _row(figure: str, values: Sequence[float], to_reach: str) -> dict:
    return dict(zip(COLUMNS, (figure, np.median(values), np.min(values), np.max(values), to_reach)))


def rate_rows(listed: dict[tuple[int, str], Candidate], limit: float) -> list[dict]:
    """Ratios of rates of single markets; `limit` is the firm-steps a second that the memory's speed allows."""
    rows = []
    if (1_000_000, "NumPy") in listed:
        two, one = listed[1_000_000, "abm, 2 threads"].rates, listed[1_000_000, "abm, 1 thread"].rates
        rows.append(_row("1e6 firms, 2 threads, over NumPy", two / listed[1_000_000, "NumPy"].rates, ">= 8"))
        rows.append(_row("1e6 firms, 2 threads, share of the memory's limit", two / limit, ">= 0.6"))
        rows.append(_row("1e6 firms, 2 threads over 1", two / one, ">= 1.5"))
    peer = listed[10_000, "NumPy"].rates
    rows.append(_row("1e4 firms, 1 thread, over NumPy", listed[10_000, "abm, 1 thread"].rates / peer, ">= 6"))
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
        _row("1,000 x 200 firms x 200 steps, 2 threads, over NumPy at 1e4", small.rates / peer.rates, ">= 60 / 13"),
        _row("1,000 x 200 firms x 200 steps, 2 threads, over Mesa objects", small.rates / objects.rates, ">= 600"),
    ]
    for (firms, (ours, bare)), most in zip(stepped.items(), ("<= 1.1", "<= 3")):
        rows.append(_row(f"MarketModel.step over the engine's at {firms:,} firms", ours.costs / bare.costs, most))
    rows.append(_row("full over light at 1e5 firms", levels[0].costs / levels[1].costs, "<= 3"))
    rows.append(_row("no step table over one of every step, at 1e5 firms", kept[0].costs / kept[1].costs, "< 1"))
    return rows


def process_rows(rounds: int, quick: bool) -> list[dict]:
    """Times and memory of whole processes."""
    commands = [processes.help_command(), processes.run_command()]
    take_turns(commands, rounds)
    rows = [
        _row("abm --help, s", commands[0].seconds, "<= 0.3"),
        _row("abm run four-sectors with picture, warm, s", commands[1].seconds, "<= 2.5"),
    ]
    if not quick:
        rows.append(_row("abm run four-sectors with picture, the first after installing, s",
                         [processes.cold_start()], "said if above 2"))  # fmt: skip
        rows.append(_row("bytes a slot at 1e7 slots, whole process", [processes.bytes_a_slot()], "<= 240"))
        rows.append(_row("1e6 runs, GiB above their table", [processes.bytes_over_table() / 2**30], "<= 2"))
    return rows


def targets(listed: dict[tuple[int, str], Candidate], limit: float, rounds: int, quick: bool) -> pd.DataFrame:
    """Every figure with its median, its range over rounds, and its target."""
    return pd.DataFrame([*rate_rows(listed, limit), *ratio_rows(rounds), *process_rows(min(rounds, 5), quick)])
