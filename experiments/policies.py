"""Who gains from four policies and a demand shock, and does it matter whether they come early or late?

The market of the four sectors, with and without a change at step 50 or 200 that holds for good, run by run with the
same seeds: runs agree to the last bit before the change, and what differs since is its effect. A mandate to open
weights raises the spillover from 0.01 to 0.1 over eight steps; portability of data lowers the network effect from 0.5
to 0.2 and raises churn from 0.2 to 0.4; a subsidy lowers the cost of technology from 0.1 to 0.05; both of the first two
come together; a shock takes 30 % of the demand. Gains are differences over the last fourth of the run: strategies'
shares of customers, how many firms live and enter, what share of customers entrants hold (firms under five years), and
what the choice among all firms is worth to a customer (consumer surplus, in logarithms, where the network effect is the
same).

    python -m experiments.policies [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario, simulate_many
from abm.scenario.policies import POLICIES
from experiments.common import COLOURS, Experiment, band, experiment, means_with_intervals, shown

YOUNG = 20  # steps, five years
OUTCOMES = {"consumer_surplus": "customers' surplus", "firms": "firms", "entries": "entries a step",
            "entrants": "customers of entrants",
            "weighted_R": "return by customers", "mean_T": "mean T", "sector_hhi": "HHI within sectors"}  # fmt: skip
PATHS = {"sector_hhi": "HHI within sectors", "mean_T": "mean T", "firms": "firms"}


def entrants(firms):
    """The share of customers that firms under five years hold: a measure of our own."""
    return np.sum(firms.B[firms.age < YOUNG]) / np.sum(firms.B)


def runs_of(base: Scenario, steps: list[int], seeds: range) -> tuple[list[tuple[str, int]], np.ndarray, pd.DataFrame]:
    """The changed markets, and all runs: outcomes of shape (1 + markets, runs, outcomes), and paths by step."""
    kinds = [(name, step) for name in POLICIES for step in steps]
    scenarios = [base] + [
        base.replace(changes=[{"name": name.replace(" ", "_"), "step": step, **POLICIES[name]}]) for name, step in kinds
    ]
    many = simulate_many(scenarios, seeds, measures={"entrants": entrants})
    names = [*OUTCOMES, *(f"share_{each.name}" for each in base.strategies)]
    outcomes = many.outcomes[names].to_numpy(float).reshape(len(scenarios), len(seeds), len(names))
    return kinds, outcomes, many.steps[list(PATHS)]


def effects(base: Scenario, kinds: list[tuple[str, int]], outcomes: np.ndarray) -> pd.DataFrame:
    """The mean difference from the market without a change, over pairs of runs, with its interval."""
    titles = [*OUTCOMES.values(), *(f"share of {each.name}" for each in base.strategies)]
    rows = []
    for (name, step), own in zip(kinds, outcomes[1:], strict=True):
        ends = means_with_intervals(own - outcomes[0])
        rows += [
            {"policy": name, "step": step, "outcome": title, "effect": mean, "low": low, "high": high}
            for title, mean, low, high in zip(titles, *ends, strict=True)
        ]
    table = pd.DataFrame(rows)
    # With another network effect customers value the size of a firm differently: their surplus has no common unit.
    other = [name for name, change in POLICIES.items() if "network_effect" in change]
    return table[~(table["policy"].isin(other) & (table["outcome"] == OUTCOMES["consumer_surplus"]))]


def gains(table: pd.DataFrame, scale: pd.Series) -> Figure:
    """Effects in standard deviations of a run, a panel a policy, early and late."""
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    panels = figure.subplots(1, len(POLICIES), sharey=True)
    titles = list(dict.fromkeys(table["outcome"]))
    for axes, (name, own) in zip(panels, table.groupby("policy", sort=False)):
        for place, (step, rows) in enumerate(own.groupby("step")):
            rows = rows.set_index("outcome").reindex(titles)
            unit = scale[titles].to_numpy()
            middle, low, high = (rows[each].to_numpy() / unit for each in ("effect", "low", "high"))
            heights = np.arange(len(titles)) + 0.18 * (2 * place - 1)
            bars = np.maximum([middle - low, high - middle], 0.0)
            axes.errorbar(middle, heights, xerr=bars, fmt="o", ms=4, capsize=2, lw=1.2, color=COLOURS[place],
                          label=f"from step {step} on")  # fmt: skip
        axes.axvline(0.0, color="0.4", lw=0.8)
        axes.set_title(name, fontsize=10)
        axes.grid(axis="y", color="0.92")
    panels[0].set_yticks(range(len(titles)), titles, fontsize=9)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    figure.supxlabel("difference from no policy, in standard deviations of a run", fontsize=9)
    return figure


def over_time(kinds: list[tuple[str, int]], steps: pd.DataFrame, runs: int) -> tuple[Figure, pd.DataFrame]:
    """Differences of paths by step since the change: means over pairs with intervals."""
    figure = Figure(figsize=(11.5, 2.4 * len(PATHS)), layout="constrained")
    panels = figure.subplots(len(PATHS), len(POLICIES), sharex=True, sharey="row")
    values = steps.to_numpy(float).reshape(1 + len(kinds), runs, -1, len(PATHS))
    late, rows = max(step for _, step in kinds), []
    for place, (name, step) in enumerate(kinds, 1):
        since = np.arange(1, values.shape[2] + 1) - step
        chosen = np.flatnonzero((since >= -10) & (since <= values.shape[2] - late))[::4]
        for line, (measure, title) in enumerate(PATHS.items()):
            ends = means_with_intervals(values[place, :, chosen, line].T - values[0, :, chosen, line].T)
            axes = panels[line, list(POLICIES).index(name)]
            band(axes, since[chosen], ends, COLOURS[int(step == late)], lw=1.3, label=f"from step {step} on")
            about = {"policy": name, "step": step, "measure": measure, "since": since[chosen]}
            rows.append(pd.DataFrame(about | dict(zip(("effect", "low", "high"), ends))))
            axes.axhline(0.0, color="0.4", lw=0.8)
            if line == 0:
                axes.set_title(name, fontsize=10)
            if name == next(iter(POLICIES)):
                axes.set_ylabel(title, fontsize=9)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    figure.supxlabel("steps since the change", fontsize=9)
    return figure, pd.concat(rows, ignore_index=True)


def answers(out: Experiment, table: pd.DataFrame, early: int, late: int) -> None:
    """Who gains from each policy, and whether its time matters."""
    for name, own in table.groupby("policy", sort=False):
        first = own[own["step"] == early].set_index("outcome")
        ends = {title: shown(*first.loc[title, ["effect", "low", "high"]]) for title in first.index}
        wanted = ("customers' surplus", "firms", "entries a step", "customers of entrants")
        found = [f"{title} {ends[title]}" for title in wanted if title in ends]
        shares = first[first.index.str.startswith("share of ")]
        for words, sure in (("gain", shares["low"] > 0.0), ("lose", shares["high"] < 0.0)):
            moved = shares[sure].sort_values("effect", key=np.abs, ascending=False)
            percent = [shown(*(100.0 * moved.loc[each, ["effect", "low", "high"]])) for each in moved.index]
            names = [f"{each.removeprefix('share of ')} {text}" for each, text in zip(moved.index, percent)]
            found.append(f"strategies that {words} customers, in percentage points: {', '.join(names) or 'none shown'}")
        out.answer(f"{name[0].upper()}{name[1:]} from step {early} on: {'; '.join(found)}.")
    wide = table.pivot(index=["policy", "outcome"], columns="step", values=["low", "high"])
    apart = (wide["low", early] > wide["high", late]) | (wide["low", late] > wide["high", early])
    which = "; ".join(f"{outcome} ({policy})" for policy, outcome in apart[apart].index[:6])
    which = f": {which}{' and others' if apart.sum() > 6 else ''}" if which else ""
    out.answer(
        f"Coming at step {late} instead of {early} makes a difference at the end, with intervals that do not overlap, "
        f"in {apart.sum()} of {len(apart)} effects{which}."
    )


def main() -> None:
    """Make all runs, then write the tables, the pictures and what they say."""
    with experiment(__doc__, "policies") as out:
        last = out.runs(400, 100)
        base = Scenario.load("four-sectors").replace(steps=last, capacity=out.runs(400, 100))
        times = [last // 8, last // 2]
        runs = out.runs(100, 10)
        kinds, outcomes, steps = runs_of(base, times, range(runs))
        table = effects(base, kinds, outcomes)
        titles = list(dict.fromkeys(table["outcome"]))
        scale = pd.Series(outcomes[0].std(axis=0, ddof=1), index=titles)
        answers(out, table, *times)
        out.text(f"{runs} pairs of runs for each policy and step; all intervals are of 95 %, each by itself.")
        out.picture("gains", gains(table, scale), "Effects over the last fourth of the run")
        figure, paths = over_time(kinds, steps, runs)
        out.picture("paths", figure, "Effects by step since the change")
        out.table("effects", table, "Effects over the last fourth of the run")
        out.table("paths", paths)


if __name__ == "__main__":
    main()
