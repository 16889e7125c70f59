"""Do the intervals cover what they say? A simulation study over distributions whose means are known.

From each distribution thousands of data sets of n runs are drawn, and it is counted how often a 95 % interval holds
the true mean, or the true difference of two means; how often any of twenty outcomes is called different after Holm
when none is; and whether samples whose interval covers too little are warned of.

    python -m experiments.coverage [--quick] [--out DIR]

writes `coverage.csv`, `false_positives.csv`, `warnings.csv`, `coverage.png` and a README.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtrit

from abm.comparison.statistics.effects import holm, p_values
from abm.comparison.statistics.intervals import difference_intervals, mean_intervals, paired_intervals, skewed
from abm.comparison.statistics.means import Means, bootstrap_means, combined_variance, means_of
from experiments.coverage_report import picture, readme

LEVEL, SIZES, FAMILY = 0.95, (30, 200), 20
AT_ONCE = 250  # data sets that share their resamples
BLOCK = 5  # runs of a block


@dataclass(frozen=True)
class Case:
    """A distribution: how normal draws become outcomes, of one group or of two, and their true mean.

    `shape` (and `other`, of the baseline) maps standard normal draws to values with mean `mean` (`other_mean`).
    `correlation` is that of the draws of a pair, and `within` that of the runs of a block. `runs` says how many runs
    there are for an n: n of them in blocks, or n blocks of them.
    """

    name: str
    shape: Callable
    mean: float
    other: Callable | None = None
    other_mean: float = 0.0
    correlation: float = 0.0
    within: float = 0.0
    blocks: bool = False  # n counts blocks
    binary: bool = False

    @property
    def truth(self) -> float:
        """The true value that the interval should hold."""
        return self.mean - self.other_mean

    def draw(self, rng: np.random.Generator, n: int, sets: int) -> tuple[list[np.ndarray], dict]:
        """Values of each group, a column a data set, and how they go together."""
        runs = n * BLOCK if self.blocks else n
        block = np.arange(runs) // BLOCK if self.within else None

        def normal() -> np.ndarray:
            own = rng.standard_normal((runs, sets))
            if block is None:
                return own
            shared = rng.standard_normal((block[-1] + 1, sets))[block]
            return math.sqrt(self.within) * shared + math.sqrt(1.0 - self.within) * own

        common = normal() if self.correlation else 0.0
        groups = [
            shape(math.sqrt(self.correlation) * common + math.sqrt(1.0 - self.correlation) * normal()).astype(float)
            for shape in (self.shape, self.other)
            if shape
        ]
        return groups, {"blocks": block} | ({"paired": self.correlation > 0.0} if self.other else {})


def lognormal(deviation: float) -> tuple[Callable, float]:
    """A lognormal outcome with median 1, and its mean."""
    return lambda z: np.exp(deviation * z), math.exp(deviation**2 / 2.0)


def yes(share: float) -> tuple[Callable, float]:
    """A yes/no outcome, and its mean."""
    return lambda z: z < ndtri(share), share


def normal(mean: float = 0.0, deviation: float = 1.0) -> tuple[Callable, float]:
    """A normal outcome, and its mean."""
    return lambda z: mean + deviation * z, mean


CASES = (
    Case("normal", *normal()),
    Case("lognormal", *lognormal(1.0)),
    Case("yes/no 30 %", *yes(0.3), binary=True),
    Case("yes/no 5 %", *yes(0.05), binary=True),
    Case("normal, 5 runs a block, n blocks", *normal(), within=0.5, blocks=True),
    Case("lognormal, 5 runs a block, n blocks", *lognormal(1.0), within=0.5, blocks=True),
    Case("yes/no 5 %, 5 runs a block, n blocks", *yes(0.05), within=0.3, blocks=True, binary=True),
    Case("normal, n/5 blocks of 5", *normal(), within=0.5),
    Case("yes/no 30 %, n/5 blocks of 5", *yes(0.3), within=0.3, binary=True),
    Case("difference: normal", *normal(0.5, 2.0), *normal()),
    Case("difference: lognormal", *lognormal(1.0), *lognormal(0.5)),
    Case("difference: yes/no 30 % and 5 %", *yes(0.3), *yes(0.05), binary=True),
    Case("difference: yes/no 5 % and 5 %", *yes(0.05), *yes(0.05), binary=True),
    Case("paired: normal", *normal(0.5, 2.0), *normal(), correlation=0.7),
    Case("paired: lognormal", *lognormal(1.0), *lognormal(0.5), correlation=0.7),
    Case("paired: yes/no 30 % and 5 %", *yes(0.3), *yes(0.05), correlation=0.7, binary=True),
    Case("paired: yes/no 5 % and 5 %", *yes(0.05), *yes(0.05), correlation=0.7, binary=True),
    Case("paired: normal, 5 runs a block, n blocks", *normal(0.5, 2.0), *normal(), 0.7, 0.5, blocks=True),
)


def student(groups: list[Means]) -> tuple[np.ndarray, np.ndarray]:
    """Student's or Welch's interval."""
    estimate, (variance, freedom) = _estimate(groups), combined_variance(groups)
    half = stdtrit(freedom, (1.0 + LEVEL) / 2.0) * np.sqrt(variance)
    return estimate - half, estimate + half


def bca(groups: list[Means], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Efron's bias-corrected and accelerated interval from the same resamples as the bootstrap-t."""
    signs = (1, -1)[: len(groups)]
    shifts = sum(sign * bootstrap_means(group, (seed, k))[0] for k, (sign, group) in enumerate(zip(signs, groups)))
    shifts = np.sort(np.where(np.abs(shifts) < 1e-12, 0.0, shifts), axis=0)  # ties are ties, whatever their rounding
    bias = ndtri(((shifts < 0.0).mean(axis=0) + (shifts <= 0.0).mean(axis=0)) / 2.0)
    skewness = sum(sign * group.third_moment for sign, group in zip(signs, groups))
    squares = sum((group.residuals**2).sum(axis=0) / group.sizes.sum() ** 2 for group in groups)
    acceleration = skewness / np.where(squares > 0.0, squares, 1.0) ** 1.5 / 6.0
    ends = []
    for tail in ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0):
        z = bias + ndtri(tail)
        place = ndtr(bias + z / (1.0 - acceleration * z)) * (len(shifts) + 1) - 1.0
        place = np.clip(np.nan_to_num(place), 0, len(shifts) - 1)
        low = np.floor(place).astype(int)
        below, above = (np.take_along_axis(shifts, np.minimum(low + k, len(shifts) - 1)[None], 0)[0] for k in (0, 1))
        ends.append(_estimate(groups) + below + (place - low) * (above - below))
    return ends[0], ends[1]


def _estimate(groups: list[Means]) -> np.ndarray:
    return groups[0].mean - (groups[1].mean if len(groups) > 1 else 0.0)


def intervals(
    case: Case, groups: list[np.ndarray], layout: dict, seed: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The interval of each data set by each method; the first is the one that `abm.comparison` takes."""
    binary = np.full(groups[0].shape[1], case.binary)
    blocks = layout["blocks"]
    if case.other is None:

        def ours(binary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return mean_intervals(*groups, LEVEL, blocks, binary=binary, seed=seed)
    else:

        def ours(binary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            if layout.get("paired"):
                return paired_intervals(*groups, LEVEL, blocks, binary=binary, seed=seed)
            return difference_intervals(*groups, LEVEL, blocks, blocks, binary=binary, seed=seed)

    paired = layout.get("paired")
    means = [means_of(table, blocks) for table in ([groups[0] - groups[1]] if paired else groups)]
    found = {"score": ours(binary)} if case.binary else {}
    return found | {"bootstrap-t": ours(binary & False), "BCa": bca(means, seed), "t": student(means)}


def cover(case: Case, n: int, sets: int) -> list[dict]:
    """How often each method's interval holds the truth."""
    rows: dict[str, list[np.ndarray]] = {}
    for start in range(0, sets, AT_ONCE):
        groups, layout = case.draw(np.random.default_rng([n, start, *case.name.encode()]), n, AT_ONCE)
        for method, (low, high) in intervals(case, groups, layout, start).items():
            rows.setdefault(method, []).append(np.array([low, high]))
    table = []
    for place, (method, parts) in enumerate(rows.items()):
        low, high = np.concatenate(parts, axis=1)
        below, above = (case.truth < low).mean(), (case.truth > high).mean()
        table.append(
            {
                "distribution": case.name,
                "n": n,
                "method": method,
                "used": place == 0,
                "coverage": ((low <= case.truth) & (case.truth <= high)).mean(),
                "standard_error": math.sqrt((below + above) * (1.0 - below - above) / low.size),
                "too_high": below,
                "too_low": above,
                "median_half_width": float(np.median(high - low)) / 2.0,
            }
        )
    return table


MARGINS = {"normal": normal()[0], "lognormal": lognormal(1.0)[0], "yes/no 5 %": yes(0.05)[0]}


def false_positives(margin: str, design: str, n: int, sets: int) -> dict:
    """How often any of a family of outcomes, correlated by 0.5, is called different after Holm when none is."""
    kinds = list(MARGINS.values()) if margin == "a third each" else [MARGINS[margin]]
    rng = np.random.default_rng([n, *(margin + design).encode()])
    paired = design.startswith("paired")
    blocks = np.arange(n * BLOCK) // BLOCK if "blocks" in design else None
    runs = n if blocks is None else len(blocks)
    others = 5 * n if "5 n" in design else runs

    def draw(runs: int) -> np.ndarray:
        def correlated(rows: int) -> np.ndarray:
            common, own = rng.standard_normal((rows, AT_ONCE, 1)), rng.standard_normal((rows, AT_ONCE, FAMILY))
            return math.sqrt(0.5) * (common + own)

        return correlated(runs) if blocks is None else math.sqrt(0.5) * (correlated(runs) + correlated(n)[blocks])

    called, raw = [], []
    for _ in range(0, sets, AT_ONCE):
        groups = [draw(runs), draw(others)]
        if paired:
            shared = draw(runs)
            groups = [math.sqrt(0.5) * (shared + group) for group in groups]
        shaped = [
            np.concatenate([kinds[k % len(kinds)](group[:, :, k]) for k in range(FAMILY)], axis=1).astype(float)
            for group in groups
        ]
        p = p_values(*shaped, paired=paired, blocks=blocks, baseline_blocks=blocks).reshape(FAMILY, AT_ONCE)
        raw.append((p < 1.0 - LEVEL).mean(axis=0))
        called.append([(holm(family) < 1.0 - LEVEL).any() for family in p.T])
    share = float(np.mean(called))
    error = math.sqrt(share * (1.0 - share) / np.size(called))
    return {"outcomes": margin, "design": design, "n": n, "false_positives": share, "standard_error": error,
            "single_outcome": float(np.mean(raw))}  # fmt: skip


DESIGNS = ("paired", "not paired", "not paired, baseline of 5 n runs", "paired, 5 runs a block, n blocks")


def warned(n: int, name: str, shape: Callable, mean: float, sets: int) -> dict:
    """Coverage of a skewed outcome, and how often its samples are warned of."""
    case = Case(name, shape, mean)
    inside, flags = [], []
    for start in range(0, sets, AT_ONCE):
        (values,), _ = case.draw(np.random.default_rng([n, start, *name.encode()]), n, AT_ONCE)
        low, high = mean_intervals(values, LEVEL, seed=start)
        inside.append((low <= mean) & (mean <= high))
        flags.append(skewed(values))
    return {"distribution": name, "n": n, "coverage": np.mean(inside), "warned": np.mean(flags)}


SKEWED = (
    ("normal", *normal()),
    ("exponential", lambda z: -np.log(ndtr(-z)), 1.0),
    *((f"lognormal {deviation:g}", *lognormal(deviation)) for deviation in (0.5, 1.0, 1.5)),
)


def study(quick: bool) -> dict[str, pd.DataFrame]:
    """All tables."""
    sets, margins, sizes = (250, ("a third each",), (30,)) if quick else (10_000, (*MARGINS, "a third each"), SIZES)
    coverage = [row for case in CASES for n in SIZES for row in cover(case, n, sets)]
    positives = [
        false_positives(margin, design, n, min(sets, 4_000)) for margin in margins for design in DESIGNS for n in sizes
    ]
    cautions = [warned(n, *outcome, min(sets, 4_000)) for outcome in SKEWED for n in (10, 30, 100, 200)]
    return {
        "coverage": pd.DataFrame(coverage),
        "false_positives": pd.DataFrame(positives),
        "warnings": pd.DataFrame(cautions),
    }


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few data sets: a look, not a result")
    parser.add_argument("--out", type=Path, default=Path("results/coverage"))
    options = parser.parse_args()
    tables = study(options.quick)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(options.out / f"{name}.csv", index=False, float_format="%.4f")
    picture(tables["coverage"]).savefig(options.out / "coverage.png")
    text = readme(tables, options.quick)
    (options.out / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
