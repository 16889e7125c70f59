"""Measure, print and write."""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd

import experiments.speed
from abm.simulation.market import SMALL
from experiments.peers import stream_triad
from experiments.speed.costs import FIRMS, size_costs, step_costs
from experiments.speed.machine import instructions, machine, processor
from experiments.speed.pictures import costs_picture, rates_picture
from experiments.speed.stages import stage_costs
from experiments.speed.subjects import HAS_JAX, STEADY, engine, jax_peer, mesa_peer, naive_peer, numpy_peer, steady
from experiments.speed.targets import targets
from experiments.speed.turns import Candidate, take_turns

SIZES = (1_000, 10_000, 1_000_000)
# Bytes that a firm-step moves between memory and a market too large for the caches: rows read and rows written.
BYTES_A_FIRM_STEP = 8 * (21 + 12 + 4)


def beside_peers(rounds: int, quick: bool) -> list[tuple[int, Candidate, Candidate]]:
    """All candidates at all sizes with the NumPy that took turns with them, timed.

    The number of steps makes each take about a fifth of a second. JAX comes last, since its threads stay active for
    a while.
    """
    found, behind = [], []
    for firms in SIZES[:2] if quick else SIZES:
        steps = max(2, 1_000_000 // firms)
        peer = numpy_peer(firms, steps)
        found += [(firms, steady(firms), peer)] if firms == 10_000 else []
        found += [(firms, engine(firms, 1, steps), peer), (firms, peer, peer), (firms, naive_peer(firms, steps), peer)]
        found += [(firms, engine(firms, 2, steps), peer)] if firms > SMALL else []
        found += [(firms, mesa_peer(firms, 10), peer)] if firms <= 1_000 else []
        behind += [(firms, steps)] if HAS_JAX else []
    take_turns([candidate for _, candidate, _ in found], rounds)
    late = [(firms, jax_peer(firms, steps), numpy_peer(firms, steps)) for firms, steps in behind]
    take_turns([candidate for _, *pair in late for candidate in pair], rounds)
    return found + late


def table(listed: list[tuple[int, Candidate, Candidate]], limit: float) -> pd.DataFrame:
    """Median rate of each candidate, and its ratio to NumPy's with the range over rounds; the steady state first."""
    rows, on = [], f"{processor()}, {instructions()}"
    for firms, candidate, peer in sorted(listed, key=lambda each: (each[1].name != STEADY, each[0])):
        ratios = candidate.rates / peer.rates
        row = {"firms": firms, "candidate": candidate.name}
        row |= {"million_firm_steps_a_second": np.median(candidate.rates) / 1e6, "ratio_to_numpy": np.median(ratios)}
        row |= {"lowest_ratio": ratios.min(), "highest_ratio": ratios.max()}
        rows.append(row | {"share_of_memory_limit": np.median(candidate.rates) / limit, "processor": on})
    return pd.DataFrame(rows)


def show(frame: pd.DataFrame) -> None:
    """Print a table to three digits."""
    print(frame.to_string(index=False, float_format=lambda value: f"{value:.3g}"), end="\n\n")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=experiments.speed.__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller markets and three rounds")
    parser.add_argument("--rounds", type=int, help="turns that are timed (default 7, quick 3)")
    parser.add_argument("--out", type=Path, default=Path("results/speed"))
    parser.add_argument("--release", type=Path, help="a checkout of the release before, to be timed beside this one")
    options = parser.parse_args()
    usual, largest, longest = (3, 100_000, 1_000) if options.quick else (7, 10_000_000, 10_000)
    rounds = options.rounds or usual
    triad = max(stream_triad(10_000_000 if options.quick else 50_000_000, 2, 5) for _ in range(2))
    limit = triad * 1e9 / BYTES_A_FIRM_STEP
    options.out.mkdir(parents=True, exist_ok=True)

    def keep(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        frame.to_csv(options.out / f"{name}.csv", index=False, float_format="%.4g")
        show(frame)
        return frame

    listed = beside_peers(rounds, options.quick)
    rates_picture(keep("speed", table(listed, limit))).savefig(options.out / "speed.png")
    by_name = {(firms, each.name): each for firms, each, _ in listed}
    keep("targets", targets(by_name, limit, rounds, options.quick, options.release))
    keep("stages", stage_costs(20))
    steps, sizes = keep("steps", step_costs(rounds, longest)), keep("sizes", size_costs(min(rounds, 3), largest))
    costs_picture(sizes, steps, FIRMS).savefig(options.out / "costs.png")
    about = machine(triad) | {"rounds": rounds}
    (options.out / "machine.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"memory: {triad:.1f} GB/s by STREAM triad on two threads")


if __name__ == "__main__":
    main()
