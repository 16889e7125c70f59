"""How fast is a step? This package beside NumPy, Mesa objects and the machine's memory, in turn in one run.

Machines are shared and their speed drifts, so all candidates take turns in every round, and what is claimed is the
median over rounds of a ratio, with the smallest and the largest beside it. A firm-step is a slot that holds a firm at
the start of the run, times a step; entry and review are off, as they are in the peers.

    python -m experiments.speed [--quick] [--out DIR]

writes `speed.csv`, `speed.png` and `machine.json`.
"""

import argparse
import gc
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numba
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from abm.engine import SMALL, Market
from experiments.peers import MesaMarket, NumpyMarket, stream_triad

BASE = Scenario.load("four-sectors").replace(entry_rate=0.0, review_interval=1_000_000, policy="fixed")
SIZES = (1_000, 10_000, 1_000_000)
# Bytes that a firm-step moves between memory and a market too large for the caches: rows read and rows written.
BYTES_A_FIRM_STEP = 8 * (21 + 12 + 4)
COLOURS = {"abm, 1 thread": "#0072B2", "abm, 2 threads": "#56B4E9", "NumPy": "#E69F00", "Mesa objects": "#999999"}


@dataclass
class Candidate:
    """Something to time: `make` builds it outside the clock, `go` is timed and does `work` firm-steps."""

    name: str
    firms: int
    work: int
    make: Callable
    go: Callable
    rates: list[float] = field(default_factory=list)


def ours(firms: int, threads: int, steps: int) -> Candidate:
    """This package: light statistics at every step, noise on."""

    def make() -> Market:
        scenario = BASE.replace(capacity=firms, steps=steps + 1)
        market = Market(scenario, 0, full=False, every=1, steps=steps + 1, threads=threads)
        market.advance(1)
        return market

    name = f"abm, {threads} thread{'s' * (threads > 1)}"
    return Candidate(name, firms, firms * steps, make, lambda market: market.advance(steps + 1))


def numpy_peer(firms: int, steps: int) -> Candidate:
    """The NumPy formulation, one thread."""

    def make() -> NumpyMarket:
        market = NumpyMarket(firms)
        market.run(1)
        return market

    return Candidate("NumPy", firms, firms * steps, make, lambda m: m.run(steps))


def mesa_peer(firms: int, steps: int) -> Candidate:
    """Mesa agents with a step method each."""

    def go(model: MesaMarket) -> None:
        for _ in range(steps):
            model.step()

    return Candidate("Mesa objects", firms, firms * steps, lambda: MesaMarket(firms), go)


def candidates(quick: bool) -> list[Candidate]:
    """All candidates at all sizes; the number of steps makes each take about a fifth of a second."""
    listed = []
    for firms in SIZES[:2] if quick else SIZES:
        steps = max(2, 1_000_000 // firms)
        listed.append(ours(firms, 1, steps))
        if firms > SMALL:
            listed.append(ours(firms, 2, steps))
        listed.append(numpy_peer(firms, steps))
        if firms <= 1_000:
            listed.append(mesa_peer(firms, 10))
    return listed


def measure(listed: list[Candidate], rounds: int) -> None:
    """Time every candidate once a round, in turn; the first round warms up and does not count."""
    for turn in range(rounds + 1):
        for candidate in listed:
            subject = candidate.make()
            gc.collect()
            started = time.perf_counter()
            candidate.go(subject)
            if turn:
                candidate.rates.append(candidate.work / (time.perf_counter() - started))


def table(listed: list[Candidate], triad: float) -> pd.DataFrame:
    """Median rate of each candidate, and its ratio to NumPy's with the range over rounds."""
    peers = {candidate.firms: candidate for candidate in listed if candidate.name == "NumPy"}
    rows = []
    for candidate in listed:
        ratios = np.array(candidate.rates) / np.array(peers[candidate.firms].rates)
        rows.append(
            {
                "firms": candidate.firms,
                "candidate": candidate.name,
                "million_firm_steps_a_second": statistics.median(candidate.rates) / 1e6,
                "ratio_to_numpy": float(np.median(ratios)),
                "lowest_ratio": ratios.min(),
                "highest_ratio": ratios.max(),
                "share_of_memory_limit": statistics.median(candidate.rates) * BYTES_A_FIRM_STEP / (triad * 1e9),
            }
        )
    return pd.DataFrame(rows)


def picture(frame: pd.DataFrame) -> Figure:
    """Rates by market size, a group of bars a size."""
    figure = Figure(figsize=(9, 5), dpi=110)
    axes = figure.add_axes((0.09, 0.12, 0.88, 0.78))
    sizes = sorted(frame["firms"].unique())
    for group, firms in enumerate(sizes):
        rows = frame[frame["firms"] == firms]
        for place, (name, rate) in enumerate(zip(rows["candidate"], rows["million_firm_steps_a_second"])):
            x = group + 0.26 * (place - (len(rows) - 1) / 2)
            axes.bar(x, rate, 0.24, color=COLOURS[name], label=name)
            axes.annotate(f"{rate:.3g}", (x, rate), ha="center", va="bottom", fontsize=10)
    axes.set(yscale="log", xticks=range(len(sizes)), xticklabels=[f"{firms:,}" for firms in sizes])
    axes.set(xlabel="firms in the market", ylabel="million firm-steps a second")
    axes.set_title("A step with noise and light statistics", loc="left", fontsize=12)
    axes.spines[["top", "right"]].set_visible(False)
    handles = dict(zip(*reversed(axes.get_legend_handles_labels())))
    shown = [name for name in COLOURS if name in handles]
    axes.legend([handles[name] for name in shown], shown, frameon=False, ncols=len(shown), loc="upper left")
    axes.set_ylim(top=axes.get_ylim()[1] * 3)
    axes.yaxis.set_major_formatter("{x:g}")
    return figure


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two sizes and three rounds")
    parser.add_argument("--out", type=Path, default=Path("results/speed"))
    options = parser.parse_args()
    listed = candidates(options.quick)
    triad = max(stream_triad(10_000_000 if options.quick else 50_000_000, 2, 5) for _ in range(2))
    measure(listed, 3 if options.quick else 7)
    frame = table(listed, triad)
    options.out.mkdir(parents=True, exist_ok=True)
    frame.to_csv(options.out / "speed.csv", index=False, float_format="%.4g")
    picture(frame).savefig(options.out / "speed.png")
    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
        "stream_triad_GB_a_second_2_threads": round(triad, 1),
    }
    (options.out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")
    print(frame.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(f"memory: {triad:.1f} GB/s by STREAM triad on two threads")


if __name__ == "__main__":
    main()
