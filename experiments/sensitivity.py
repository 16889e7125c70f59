"""Which parameters move the market, and which do not matter?

The article gives no numbers for its mechanisms (§2, §3), so the effect of the chosen numbers must be known.
Morris screening (SALib) of twenty-seven numeric parameters of a small market, then Sobol indices of the six that are
strongest over four outcomes: the first-order index is the share of the outcome's variance that a parameter explains
alone, the total index that with all its interactions. Both samples go through the sweep engine; the outcome of a
point is the mean of its runs, the same seeds at every point. Strength is the mean absolute elementary effect μ*
over the largest of the outcome, averaged over the outcomes. A parameter does not matter for an outcome if the upper
end of its μ* is below a tenth of the largest μ*. The answers hold for the ranges in the table and for this small
market.

    python -m experiments.sensitivity [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from SALib.analyze import morris, sobol

from abm import Scenario
from abm.sweeps.design.samples import SAMPLES
from experiments.common import COLOURS, Experiment, cited, experiment, named, swept

OUTCOMES = ("sector_hhi", "mean_T", "weighted_R", "survival")
RANGES = {  # low, high, scale
    "network_effect": (0.0, 0.9, "linear"),
    "churn": (0.05, 0.8, "log"),
    "competitiveness_elasticity": (0.0, 2.0, "linear"),
    "quality_elasticity": (0.0, 2.0, "linear"),
    "variable_cost_share": (0.1, 0.9, "linear"),
    "technology_cost": (0.0, 0.4, "linear"),
    "innovation_drag": (0.0, 1.0, "linear"),
    "stress_response": (0.0, 1.0, "linear"),
    "competitiveness_ceiling": (0.5, 4.0, "log"),
    "runway": (2.0, 32.0, "log"),
    "outside_capital": (0.0, 2.0, "linear"),
    "spillover": (0.0, 0.1, "linear"),
    "entrant_catch_up": (0.0, 1.0, "linear"),
    "entry_rate": (0.001, 0.1, "log"),
    "technology_noise": (0.0, 0.05, "linear"),
    "competitiveness_noise": (0.0, 0.1, "linear"),
    "quality_decay": (0.0, 0.1, "linear"),
    "learning_step": (0.0, 0.2, "linear"),
    "demand_noise": (0.0, 0.3, "linear"),
    "demand_noise_odds": (0.05, 1.0, "log"),
    "size_dependence": (0.0, 0.5, "linear"),
    "frontier_cost": (0.0, 3.0, "linear"),
    "return_noise": (0.0, 0.5, "linear"),
    "frontier_growth": (0.0, 0.05, "linear"),
    "release_odds": (0.1, 1.0, "log"),
    "heterogeneity": (0.05, 0.4, "linear"),
    "k1": (0.7, 1.1, "linear"),
}
STRONGEST, SMALL, SEED = 6, 0.1, 1


def outcomes_at(
    scenario: Scenario, names: list[str], method: str, points: int, count: int, workers: int | None
) -> np.ndarray:
    """Mean outcomes over the runs of each point of a sampled design, shape (points, outcomes)."""
    text = f'design = {{method = "{method}", points = {points}, seed = {SEED}}}\nreplications = {{count = {count}}}\n'
    ranges = ('{} = {{low = {}, high = {}, scale = "{}"}}'.format(name, *RANGES[name]) for name in names)
    with swept(scenario, "\n".join([text, "[factors]", *ranges]), workers=workers) as results:
        values = results.read("outcomes", OUTCOMES).groupby("point")[list(OUTCOMES)].mean().to_numpy()
    if not np.isfinite(values).all():
        raise RuntimeError("a market of the design was empty in all its runs: narrow the ranges")
    return values


def problem(names: list[str]) -> dict:
    """The unit cube in SALib's format."""
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def screening(names: list[str], values: np.ndarray, points: int) -> pd.DataFrame:
    """Morris's effects of each parameter on each outcome."""
    sample, tables = SAMPLES["morris"](len(names), points, SEED), []
    for place, outcome in enumerate(OUTCOMES):
        found = morris.analyze(problem(names), sample, values[:, place], num_levels=4, seed=SEED)
        largest = np.max(found["mu_star"])
        columns = {"outcome": outcome, "parameter": names, "mu": found["mu"], "mu_star": found["mu_star"]}
        columns |= {"half interval": found["mu_star_conf"], "sigma": found["sigma"]}
        columns["strength"] = found["mu_star"] / largest
        columns["matters"] = (found["mu_star"] + found["mu_star_conf"]) >= SMALL * largest
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def indices(names: list[str], values: np.ndarray) -> pd.DataFrame:
    """Sobol indices of each parameter for each outcome, with 95 % intervals."""
    tables = []
    for place, outcome in enumerate(OUTCOMES):
        y = values[:, place]
        scaled = (y - y.mean()) / y.std()
        found = sobol.analyze(problem(names), scaled, calc_second_order=False, num_resamples=500, seed=SEED)
        columns = {"outcome": outcome, "parameter": names}
        for key, title in (("S1", "first order"), ("ST", "total")):
            index, half = found[key], found[f"{key}_conf"]
            columns |= named(title, (index, index - half, index + half))
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def screening_picture(table: pd.DataFrame, order: list[str]) -> Figure:
    """Strength of each parameter for each outcome."""
    figure = Figure(figsize=(10.5, 7.0), layout="constrained")
    panels = figure.subplots(1, len(OUTCOMES), sharey=True)
    for axes, (outcome, own) in zip(panels, table.groupby("outcome", sort=False)):
        own = own.set_index("parameter").loc[order[::-1]]
        largest = own["mu_star"].max()
        axes.barh(own.index, own["strength"], xerr=own["half interval"] / largest,
                  color=[COLOURS[0] if each else "0.75" for each in own["matters"]],
                  error_kw={"elinewidth": 1, "ecolor": "0.3"})  # fmt: skip
        axes.axvline(SMALL, color="0.4", linestyle=":", linewidth=1)
        axes.set_xlim(left=0.0)  # an absolute effect is not negative, though the interval around its mean may be
        axes.set_title(outcome, fontsize=10)
        axes.tick_params(labelsize=8)
        axes.locator_params(axis="x", nbins=4)
        axes.margins(y=0.01)
    figure.supxlabel("mean absolute elementary effect μ* as a share of the outcome's largest", fontsize=9)
    signs = [
        Patch(
            color=COLOURS[0],
            label=f"blue: may matter, for the interval goes beyond {100 * SMALL:.0f} % of the largest effect",
        ),
        Patch(color="0.75", label="grey: does not matter"),
        Line2D([], [], color="0.3", label="95 % interval of the mean over trajectories"),
        Line2D([], [], color="0.4", linestyle=":", label=f"{100 * SMALL:.0f} % of the largest"),
    ]
    figure.legend(handles=signs, loc="outside upper center", ncols=2, fontsize=8, frameon=False)
    return figure


def sobol_picture(table: pd.DataFrame, names: list[str]) -> Figure:
    """First-order and total indices."""
    figure = Figure(figsize=(10.5, 3.6), layout="constrained")
    panels = figure.subplots(1, len(OUTCOMES), sharey=True, sharex=True)
    for axes, (outcome, own) in zip(panels, table.groupby("outcome", sort=False)):
        own = own.set_index("parameter").loc[names[::-1]]
        for shift, title, colour in ((0.2, "first order", COLOURS[4]), (-0.2, "total", COLOURS[5])):
            axes.barh(np.arange(len(own)) + shift, own[title], 0.38, xerr=own[f"{title} high"] - own[title],
                      color=colour, label=title, error_kw={"elinewidth": 1, "ecolor": "0.3"})  # fmt: skip
        axes.set_yticks(np.arange(len(own)), own.index, fontsize=8)
        axes.set_title(outcome, fontsize=10)
        axes.axvline(0.0, color="0.4", linewidth=0.8)
    figure.supxlabel("share of the outcome's variance (lines: 95 % intervals over base samples)", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    index_labels = {"first order": "first order: by the parameter alone", "total": "total: with its interactions"}
    figure.legend(
        handles, [index_labels[each] for each in labels], loc="outside upper right", ncols=2, fontsize=8, frameon=False
    )
    return figure


def answers(out: Experiment, screened: pd.DataFrame, found: pd.DataFrame, chosen: list[str]) -> None:
    """Report which parameters matter and which do not."""
    best = found.loc[found.groupby("outcome", sort=False)["total"].idxmax()]
    leading = [f"{row['outcome']} by {row['parameter']} ({cited(row, 'total')} of the variance)"
            for _, row in best.iterrows()]  # fmt: skip
    out.answer(f"Most moved, by total index: {', '.join(leading)}. Strongest six overall: {', '.join(chosen)}.")
    nowhere = screened.groupby("parameter", sort=False)["matters"].any()
    out.answer(
        f"Without influence on all four outcomes: {', '.join(nowhere.index[~nowhere]) or 'none of the twenty-seven'}. "
        + " ".join(f"For {outcome}: {', '.join(own['parameter'][~own['matters']]) or 'none'}."
                   for outcome, own in screened.groupby("outcome", sort=False))
    )  # fmt: skip
    sums = found.groupby("outcome", sort=False)["first order"].sum()
    out.answer("First-order indices add up to " + ", ".join(f"{value:.2f} ({name})" for name, value in sums.items())
               + ": what is missing to 1 is interaction and the noise of few runs.")  # fmt: skip


def main() -> None:
    """Screen, choose six, decompose the variance, and write the tables, the pictures and what they say."""
    with experiment(__doc__, "sensitivity") as out:
        scenario = Scenario.load("one-market").replace(capacity=60, steps=30 if out.quick else 120)
        trajectories, base, count = out.runs(12, 3), out.runs(128, 8), out.runs(4, 2)
        names, workers = list(RANGES), 1 if out.quick else None  # a second process costs more than a quick look
        screened = screening(names, outcomes_at(scenario, names, "morris", trajectories, count, workers), trajectories)
        order = screened.groupby("parameter")["strength"].mean().sort_values(ascending=False).index.tolist()
        chosen = order[:STRONGEST]
        found = indices(chosen, outcomes_at(scenario, chosen, "saltelli", base, count, workers))
        answers(out, screened, found, chosen)
        out.text(
            f"Market of {scenario.capacity} slots and {scenario.steps} steps; {count} runs a point; Morris: "
            f"{trajectories} trajectories, {trajectories * (len(names) + 1)} points; Sobol: {base} base samples, "
            f"{base * (STRONGEST + 2)} points. Intervals at 95 %, resampled over trajectories and base samples."
        )
        out.picture("morris", screening_picture(screened, order), "Morris screening")
        out.picture("sobol", sobol_picture(found, chosen), "Sobol indices of the strongest six")
        out.table("sobol", found, "Sobol indices")
        out.table("morris", screened)
        out.table("ranges", pd.DataFrame([(name, *each) for name, each in RANGES.items()],
                                         columns=["parameter", "low", "high", "scale"]), "Ranges")  # fmt: skip


if __name__ == "__main__":
    main()
