"""How long does a comparison take, and how much memory? 100,000 runs, 80 outcomes, 10 groups, report included.

Each case is compared in a process of its own, whose peak memory is that of the system's account, the frame included:
pairs (10 points, common seeds), clustered (40 points, so that four runs of a group share each seed) and independent
(no common seeds). A quarter of the outcomes is normal, a quarter lognormal, a quarter heavily skewed, and of the rest
some are yes/no, some lack values, and eight are the words of structure, growth and winner. On a machine that others use
too, look at the seconds of the processor: the clock's hold the waiting.

    python -m experiments.compare_speed [--runs N] [--out DIR]

writes `compare_speed.csv` and `machine.json`.
"""

import argparse
import json
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

GROUPS, OUTCOMES, WORDS = 10, 80, {"structure": 4, "growth": 2, "winner": 2}
CASES = {"pairs": 1, "clustered": 4, "independent": 1}  # points a group
SECONDS, BYTES = 60.0, 2 * 2**30  # that it may take


def made_up(case: str, runs: int) -> pd.DataFrame:
    """Runs of which each group differs a little from the one before."""
    rng = np.random.default_rng(1)
    points = CASES[case]
    seeds = runs // (GROUPS * points)
    group, point, seed = (places.ravel() for places in np.indices((GROUPS, points, seeds)))
    numbers = OUTCOMES - sum(WORDS.values())
    common = rng.normal(size=(seeds, numbers)).astype(np.float32)
    values = 0.7 * common[seed] + 0.7 * rng.normal(size=(len(seed), numbers)) + 0.02 * group[:, np.newaxis]
    quarter = numbers // 4
    values[:, quarter : 2 * quarter] = np.exp(values[:, quarter : 2 * quarter])
    values[:, 2 * quarter : 3 * quarter] = np.exp(2.0 * values[:, 2 * quarter : 3 * quarter])
    values[:, -6:] = values[:, -6:] > 1.5
    for column in range(3 * quarter, 3 * quarter + 4):
        values[rng.random(len(seed)) < 0.1, column] = np.nan
    frame = pd.DataFrame(values, columns=[f"outcome_{place}" for place in range(numbers)])
    for name, words in WORDS.items():
        frame[name] = np.array([f"{name}_{place}" for place in range(words)])[rng.integers(words, size=len(seed))]
    numbered = np.arange(len(seed)) if case == "independent" else seed
    return frame.assign(seed=numbered, network_effect=group / GROUPS, churn=0.1 + point / 10)


def measure(case: str, runs: int) -> dict[str, object]:
    """Compare the runs of a case, in a process of its own."""
    from abm import compare

    frame = made_up(case, runs)
    load = os.getloadavg()[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = compare(frame, by="network_effect", out=Path(folder, "comparison"))
    return {
        "case": case,
        "runs": len(frame),
        "outcomes": len(found.runs.names),
        "groups": len(found.runs.groups),
        "paired": found.runs.all_paired,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time(), 1),
        "load_of_the_machine_before": round(load, 1),
        "peak_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "of_which_the_frame_was_made_with_MiB": before // 1024,
    }


def main() -> None:
    """Measure each case and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--out", type=Path, default=Path("results/compare_speed"))
    options = parser.parse_args()
    context, rows = multiprocessing.get_context("spawn"), []
    for case in CASES:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            rows.append(pool.submit(measure, case, options.runs).result())
        print(rows[-1])
    table = pd.DataFrame(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(options.out / "compare_speed.csv", index=False)
    machine = {"processor": platform.machine(), "cores": len(os.sched_getaffinity(0))}
    machine |= {"python": platform.python_version(), "numpy": np.__version__, "pandas": pd.__version__}
    (options.out / "machine.json").write_text(json.dumps(machine, indent=2) + "\n")
    within = (table["seconds"] <= SECONDS).all() and (table["peak_MiB"] * 2**20 <= BYTES).all()
    print(f"at most {SECONDS:.0f} s and {BYTES / 2**30:.0f} GiB: {'yes' if within else 'NO'}")


if __name__ == "__main__":
    main()
