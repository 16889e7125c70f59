"""What does the market owe to the reading of the equations: literal, rate or increment?

The article's §4 leaves open how its equations move. `literal` (§4.2) draws T, C and R to the baseline plus a pull
k·y·(y − y0); `rate` (§4.1, f as a rate of change) adds the same pull to where the firm stands; `increment` (§4.3) adds
k·y. Asked twice:

1. The equations alone as an update rule, baselines 1 and equal k: where T settles by k, by
   `abm.equilibrium.bifurcation` for the literal reading and by `abm.equations` for the others, from equal and from
   unequal starts. No chance is involved, so that there are no intervals. With equal starts all three are known maps:
   the logistic map with r = k, the same with r = k + 1, and growth by the factor 1 + k.
2. The four sectors of the article (§3.4) at their defaults in each reading, by one sweep: levels, concentration,
   turnover and the winning strategy. A reading bounds the market if T of the average firm grows by less than
   5 % over the last fourth of the run, and does not if T grows by more than 20 %. Intervals are 95 % over runs; the
   readings share their seeds.

    python -m experiments.readings [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from abm.equations import INCREMENT, RATE, READINGS, anchor, pull
from abm.equilibrium.bifurcation import DIVERGED, attractor
from experiments.common import (
    COLOURS,
    Experiment,
    band,
    experiment,
    mean_with_interval,
    means_with_intervals,
    share_with_interval,
    shown,
    swept,
)  # fmt: skip
from experiments.period_doublings import onset_of_chaos, period_doublings

EQUAL, UNEQUAL = (0.5, 0.5, 0.5), (0.5, 0.55, 0.6)
SCENARIO = Scenario.load("four-sectors")
OUTCOMES = {
    "mean_T": "T of the average firm",
    "mean_C": "C of the average firm",
    "weighted_R": "return of the average customer's firm",
    "firms": "firms",
    "turnover_rate": "entries and exits a firm and step",
    "survival": "share of the first firms alive",
    "rank_tau": "rank correlation between fourths of the run",
    "sector_hhi": "concentration within sectors (HHI)",
}


def orbit(reading: int, k: np.ndarray, start: tuple[float, float, float], skipped: int, kept: int) -> np.ndarray:
    """T of the update rule of a reading after some steps, baselines 1; NaN where it went beyond ±1e9."""
    T, C, R = (np.full(k.shape, x) for x in start)
    points = np.empty((kept, k.size))
    for step in range(-skipped, kept):
        if step >= 0:
            points[step] = T
        moved = (anchor(reading, np.ones(k.size), x) + pull(reading, k, y, 1.0) for x, y in ((T, C), (C, R), (R, T)))
        T, C, R = (np.where(np.abs(x) <= DIVERGED, x, np.nan) for x in moved)
    return points


def period(points: np.ndarray) -> np.ndarray:
    """How many values an orbit has for each k, 0 where it diverged."""
    return np.array([0 if np.isnan(column).any() else len(np.unique(column.round(6))) for column in points.T])


def doublings() -> pd.DataFrame:
    """The periods just below and above the points where the logistic map's known ones double."""
    known, rows = period_doublings(3), []
    for reading, shift in (("literal", 0.0), ("rate", 1.0)):
        for place, r in enumerate(known):
            k = r - shift + np.array([-1e-3, 1e-3])
            points = attractor(1, 1, 1, k, k, k, skipped=20_000) if not shift else orbit(RATE, k, EQUAL, 20_000, 64)
            rows.append((reading, f"r = k{' + 1' * (shift > 0)}", r - shift, 2**place, *period(points)))
    columns = ("reading", "logistic map with", "k of the doubling", "period known before")
    return pd.DataFrame(rows, columns=[*columns, "found before", "found after"])


def bifurcation_picture(count: int) -> Figure:
    """Where T settles by k in the three readings."""
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    literal, rate, increment = figure.subplots(1, 3)
    k = np.linspace(0.02, 4.0, count)
    for axes, points, edge in (
        (literal, attractor(1, 1, 1, k, k, k), onset_of_chaos()),
        (rate, orbit(RATE, k, EQUAL, 3000, 120), onset_of_chaos() - 1.0),
    ):
        axes.plot(np.broadcast_to(k, points.shape).ravel(), points.ravel(), ",", color=COLOURS[0], alpha=0.5)
        axes.axvline(edge, color="0.5", linestyle=":", linewidth=1)
        label = f"chaos from\nk = {edge:.3f}"
        axes.text(edge - 0.06, 1.0, label, fontsize=8, ha="right", va="top", color="0.3")
        axes.set(xlim=(0, 4.1), xlabel="k of all three equations", ylabel="T where it settles (baselines)")
    rate.axvspan(3.0, 4.1, color="0.93", linewidth=0)
    rate.text(3.55, 0.0, "diverges", fontsize=8, ha="center", color="0.3")
    few = np.linspace(0.1, 4.0, 14)
    growth = np.log(orbit(INCREMENT, few, EQUAL, 9, 2)).T @ [-1.0, 1.0]
    increment.plot(k, np.log1p(k), color="0.5", linewidth=1, label="ln(1 + k)")
    increment.plot(few, growth, "o", color=COLOURS[0], markersize=4, label="update rule")
    increment.set(xlim=(0, 4.1), ylim=(0, None), xlabel="k of all three equations", ylabel="growth of ln T a step")
    increment.legend(frameon=False, fontsize=9)
    for axes, title in zip((literal, rate, increment), ("literal", "rate (equal starts only)", "increment: no rest")):
        axes.set_title(title, fontsize=10)
    return figure


def markets(count: int, steps: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Outcomes, and each tenth step, of the sectors in the three readings."""
    text = f"""
        factors = {{reading = {list(READINGS)}}}
        replications = {{count = {count}}}
        collect = {{steps = 10}}"""
    with swept(SCENARIO.replace(steps=steps), text) as results:
        return results.outcomes, results.read("steps", ["step", "mean_T", "firms", "sector_hhi"])


def outcome_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Means with intervals by reading, and how often each strategy wins."""
    groups = {reading: runs[runs["reading"] == reading] for reading in READINGS}
    rows = [{"outcome": text} | {reading: shown(*mean_with_interval(own[name])) for reading, own in groups.items()}
            for name, text in OUTCOMES.items()]  # fmt: skip
    for strategy in (each.name for each in SCENARIO.strategies):
        won = {reading: shown(*share_with_interval(own["winner"] == strategy)) for reading, own in groups.items()}
        rows.append({"outcome": f"share of runs won by {strategy}"} | won)
    return pd.DataFrame(rows)


def path_picture(steps: pd.DataFrame) -> Figure:
    """How T, the number of firms and concentration move in the three readings."""
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    labels = {
        "mean_T": "T of the average firm (baselines, log scale)",
        "firms": "firms",
        "sector_hhi": "HHI within sectors",
    }
    for axes, (name, label) in zip(figure.subplots(1, 3), labels.items()):
        for reading, colour, line in zip(READINGS, COLOURS, ("-", "--", "-.")):
            table = steps[steps["reading"] == reading].pivot(index="step", columns="replication", values=name)
            band(axes, table.index, means_with_intervals(table.T.to_numpy()), colour, linestyle=line, label=reading)
        axes.set(xlabel="step (quarter)", ylabel=label, yscale="log" if name == "mean_T" else "linear")
    figure.axes[0].legend(frameon=False, fontsize=9)
    return figure


def main() -> None:
    """Write the bifurcations, the markets, and what they say."""
    with experiment(__doc__, "readings") as out:
        periods, k = doublings(), np.linspace(0.1, 2.9, 57)
        found = periods["found before"].eq(periods["period known before"])
        found &= periods["found after"].eq(2 * periods["period known before"])
        stays = {name: np.isfinite(orbit(place, k, UNEQUAL, 3000, 1)[0]).mean() for place, name in enumerate(READINGS)}
        runs, steps = markets(out.runs(200, 6), out.runs(400, 120))
        table = outcome_table(runs)
        T = steps.pivot(index=["reading", "replication"], columns="step", values="mean_T")
        T = T.drop(columns=[step for step in T if step < 0.75 * T.columns[-1]])
        answers(out, runs, T.iloc[:, -1] / T.iloc[:, 0], bool(found.all()), stays)
        out.table("periods", periods, "Period doublings from equal starts")
        out.picture("bifurcation", bifurcation_picture(out.runs(1600, 400)), "Where T settles by k in each reading")
        out.table("outcomes", table, f"The market `{SCENARIO.name}` by reading (mean and 95 % interval over runs)")
        out.picture("paths", path_picture(steps), "T, firms and concentration by reading")
        out.text("In `rate` and `increment` a ceiling bounds the gain of a step, not the level, so T grows for ever.")


def answers(out: Experiment, runs: pd.DataFrame, grown: pd.Series, cascade: bool, stays: dict[str, float]) -> None:
    """Report what is found; `grown` is the factor by which T grew over the last fourth of each run."""

    def mean_of(name: str, reading: str) -> tuple[float, float, float]:
        return mean_with_interval(runs.loc[runs["reading"] == reading, name])

    T = {reading: mean_of("mean_T", reading) for reading in READINGS}
    growth = {reading: mean_with_interval(grown.loc[reading]) for reading in READINGS}
    doubles = period_doublings(2)
    firms = {reading: mean_of("turnover_rate", reading) for reading in READINGS}
    out.answer(
        f"Only the literal reading bounds the market: T of the average firm is {shown(*T['literal'])} baselines over "
        f"the last fourth, with rate {shown(*T['rate'])} and with increment {shown(*T['increment'])}, and grows in it "
        f"by factors of {shown(*growth['literal'])}, {shown(*growth['rate'])} and {shown(*growth['increment'])}.",
        growth["literal"][2] < 1.05 < 1.2 < min(growth["rate"][1], growth["increment"][1]),
    )
    out.answer(
        f"Entries and exits a firm and step are {shown(*firms['literal'])} in the literal reading, "
        f"{shown(*firms['rate'])} in rate and {shown(*firms['increment'])} in increment: growth for all ends the "
        "revolving door.",
        firms["literal"][1] > max(firms["rate"][2], firms["increment"][2]),
    )
    out.answer(
        "With equal starts the rate reading is the literal one with k + 1: both double their periods where the "
        f"logistic map does, at k = {doubles[0]:.0f}, {doubles[1]:.3f}, ... and at {doubles[0] - 1:.0f}, "
        f"{doubles[1] - 1:.3f}, ...; chaos starts at {onset_of_chaos():.5f} and {onset_of_chaos() - 1:.5f} (exact, no "
        "interval).", cascade)  # fmt: skip
    out.answer(
        f"From unequal starts (T, C, R = {', '.join(map(str, UNEQUAL))}) the literal reading stays bounded at "
        f"{stays['literal']:.0%} of the k from 0.1 to 2.9, rate at {stays['rate']:.0%}, increment at "
        f"{stays['increment']:.0%}: the cascade of the rate reading is an accident of equal starts.",
        stays["literal"] == 1.0 and stays["rate"] == 0.0)  # fmt: skip
    wins = {reading: runs.loc[runs["reading"] == reading, "winner"] for reading in READINGS}
    best = {reading: own.value_counts().index[0] for reading, own in wins.items()}
    shares = {reading: share_with_interval(wins[reading] == best[reading]) for reading in READINGS}
    texts = [f"{reading} {best[reading]} ({shown(*shares[reading])})" for reading in READINGS]
    out.answer(f"The strategy that wins most often, with its share of runs: {', '.join(texts)}.")


if __name__ == "__main__":
    main()
