"""Does a calibration find known parameters again, and do its intervals hold them as often as they say?

Parameter sets are drawn from the ranges that are searched. At each, thirty runs of the market give the targets: their
means, with the standard errors of these. A calibration with other seeds then estimates the parameters. Counted are the
estimates that are identified and not on a bound: how often the 90 % and 95 % intervals hold the truth, with Wilson's
bounds; the bias; and the others, as failures: on a bound, not identified. The intervals of parameters on a logarithmic
range are of the logarithm.

    python -m experiments.recovery [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import norm

from abm import simulate_many
from abm.calibration.specification import Specification
from experiments.calibrating import searched
from experiments.common import COLOURS, Experiment, experiment, share_with_interval, shown

DATA_RUNS, FIRST_DATA_SEED = 30, 10_000_000
TARGETS = ("sector_hhi", "instability", "turnover_rate", "firms", "rank_tau", "mean_T", "mean_R", "survival")
TEXT = """
scenario = "one-market"
set = {{steps = 60, capacity = 60, initial_firms = 60}}
[parameters]
network_effect = {{low = 0.0, high = 0.9}}
churn = {{low = 0.05, high = 0.8, scale = "log"}}
competitiveness_elasticity = {{low = 0.5, high = 2.0}}
[targets]
{targets}
[search]
seeds = 10
budget = {budget}
seed = {seed}
"""
LEVELS = (0.90, 0.95)
AIM = (0.90, 0.97)  # for the coverage of the 95 % intervals


def specification(values: np.ndarray, errors: np.ndarray, budget: int, seed: int) -> Specification:
    """The specification with these targets."""
    lines = [f"{name} = {{value = {value!r}, error = {error!r}}}"
             for name, value, error in zip(TARGETS, values.tolist(), errors.tolist())]  # fmt: skip
    return Specification.from_toml(TEXT.format(targets="\n".join(lines), budget=budget, seed=seed))


def data_of(unit: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Means and their standard errors of runs of the market at a point of the unit cube."""
    spec = specification(np.ones(len(TARGETS)), np.ones(len(TARGETS)), 10, 0)
    values = {name: float(factor.at(unit[place])) for place, (name, factor) in enumerate(spec.parameters.items())}
    seeds = FIRST_DATA_SEED + number * DATA_RUNS + np.arange(DATA_RUNS)
    runs = simulate_many([spec.scenario.replace(**values)], seeds, every=0, threads=1).outcomes[list(TARGETS)]
    spread = runs.to_numpy().std(axis=0, ddof=1) / np.sqrt(DATA_RUNS)
    return runs.to_numpy().mean(axis=0), np.maximum(spread, 1e-6)


def recovered(unit: np.ndarray, number: int, budget: int) -> list[dict]:
    """A row a parameter: truth, estimate and standard error in units of the range, and whether it is identified."""
    values, errors = data_of(unit, number)
    spec = specification(values, errors, budget, number)
    _, found, known = searched(spec)
    identified = np.zeros(len(unit), dtype=bool)
    identified[known.free] = known.identification.identified
    return [
        {
            "set": number,
            "parameter": name,
            "truth": unit[place],
            "estimate": found.estimate[place],
            "standard error": known.standard_errors[place],
            "failure": "on a bound" if found.on_bound[place] else "" if identified[place] else "not identified",
            "p": known.test.p,
        }
        for place, name in enumerate(spec.parameters)
    ]


def covered(table: pd.DataFrame, level: float) -> pd.Series:
    """Whether each interval holds the truth."""
    half = norm.ppf(0.5 + level / 2.0) * table["standard error"]
    return (table["estimate"] - table["truth"]).abs() <= half


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Coverage, bias and failures of each parameter, and of all together."""
    rows = []
    for name, own in [*table.groupby("parameter", sort=False), ("all", table)]:
        known = own[own["failure"] == ""]
        row = {"parameter": name, "sets": len(own), "with an interval": len(known)}
        for level in LEVELS:
            share, low, high = share_with_interval(covered(known, level))
            row |= {f"coverage {level:.0%}": share, f"low {level:.0%}": low, f"high {level:.0%}": high}
        off = known["estimate"] - known["truth"]
        row |= {"bias in ranges": off.mean(), "bias in standard errors": (off / known["standard error"]).mean()}
        row |= {"spread over standard error": (off / known["standard error"]).std()}
        row |= {f"share {kind}": (own["failure"] == kind).mean() for kind in ("on a bound", "not identified")}
        rows.append(row)
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """Estimates by the truth, a panel a parameter."""
    names = list(dict.fromkeys(table["parameter"]))
    figure = Figure(figsize=(3.2 * len(names), 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), sharey=True), names):
        own = table[table["parameter"] == name]
        known, failed = own[own["failure"] == ""], own[own["failure"] != ""]
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=1)
        axes.errorbar(known["truth"], known["estimate"], 1.96 * known["standard error"], fmt="o", markersize=3,
                      elinewidth=0.7, color=COLOURS[0], label="with its 95 % interval")  # fmt: skip
        axes.plot(failed["truth"], failed["estimate"], "x", color=COLOURS[5], label="on a bound or not identified")
        axes.set(title=name, xlabel="truth, place in the range", xlim=(-0.02, 1.02), ylim=(-0.15, 1.15))
    figure.axes[0].set_ylabel("estimate")
    figure.axes[0].legend(frameon=False, fontsize=7)
    return figure


def answers(out: Experiment, table: pd.DataFrame, found: pd.DataFrame) -> None:
    """Report how often the intervals hold the truth, and what fails."""
    every = found.iloc[-1]
    for level in LEVELS:
        ends = [every[f"{name} {level:.0%}"] for name in ("coverage", "low", "high")]
        within = AIM[0] <= ends[0] <= AIM[1] or level != 0.95
        out.answer(f"{level:.0%} intervals hold the truth in {shown(*ends)} of {every['with an interval']} estimates.",
                   supported=bool(within))  # fmt: skip
    each = (f"{row['parameter']} {row['coverage 95%']:.2f}" for _, row in found.iloc[:-1].iterrows())
    out.answer(f"95% by parameter: {', '.join(each)}; the aim is {AIM[0]} to {AIM[1]}.")
    bias = (f"{row['parameter']} {row['bias in standard errors']:+.2f}" for _, row in found.iloc[:-1].iterrows())
    out.answer(f"Mean bias in standard errors: {', '.join(bias)}.")
    out.answer(
        f"Without an interval: {every['share on a bound']:.1%} of estimates are on a bound, "
        f"{every['share not identified']:.1%} not identified."
    )
    rejected = table.drop_duplicates("set")["p"].dropna() < 0.05
    out.answer(f"The J test rejects the true model in {shown(*share_with_interval(rejected))} of sets at 5 %.")


def main() -> None:
    """Draw parameter sets, calibrate to each, and write what is found again."""
    with experiment(__doc__, "recovery") as out:
        count, budget = out.runs(100, 4), out.runs(80, 40)
        units = np.random.default_rng(20260101).random((count, 3))
        table = pd.DataFrame([row for number, unit in enumerate(units) for row in recovered(unit, number, budget)])
        found = summary(table)
        answers(out, table, found)
        out.text(
            f"{count} parameter sets, {budget} points of 10 runs each in a search, {DATA_RUNS} runs in the data. Bias "
            "and spread are of estimates with an interval; a spread over standard error above 1 means that intervals "
            "are too short."
        )
        out.picture("recovered", plot(table), "Estimates by the truth")
        out.table("coverage", found, "Coverage, bias and failures")
        out.table("estimates", table)


if __name__ == "__main__":
    main()
