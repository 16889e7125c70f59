"""From here, what futures are possible, and when is the end of a market decided?

Replications of the market of the four sectors share everything before a step and draw anew from it on: futures of one
past. A fan of the concentration within sectors and of the largest firm's share shows what may follow step 200, without
and with a mandate to open the weights of models there (the spillover rises from 0.01 to 0.1 over eight steps). How much
of the variance of the end is decided by a step is one less the variance that futures from this step on still have, a
mean over several pasts, divided by the variance over all runs.

    python -m experiments.futures [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from abm import Scenario, simulate_many
from experiments.common import COLOURS, Experiment, experiment, mean_with_interval, named, shown, swept

MEASURES = {"sector_hhi": "HHI within sectors", "top_share": "share of the largest firm"}
SPILLOVER = "changes.open_weights.spillover"
MANDATE = {0.01: "no mandate", 0.1: "mandate"}
RESAMPLES = 2000


def market(steps: int, step: int) -> Scenario:
    """The four sectors with a mandate at a step, which changes nothing at the spillover that they have anyhow."""
    change = {"name": "open_weights", "step": step, "ramp": 8, "spillover": 0.01}
    return Scenario.load("four-sectors").replace(steps=steps, changes=[change])


def fan(scenario: Scenario, step: int, count: int) -> pd.DataFrame:
    """The measures by step of futures from a step on, without and with the mandate."""
    text = f"""
        factors = {{"{SPILLOVER}" = {list(MANDATE)}}}
        replications = {{count = {count}, seed = 1, from_step = {step}}}
        collect = {{steps = "all"}}"""
    with swept(scenario, text) as results:
        return results.read("steps", [SPILLOVER, "replication", "step", *MEASURES])


def ends(scenario: Scenario, step: int, past: int, count: int) -> np.ndarray:
    """The measures over the last fourth of the run, of futures of one past from a step on; shape (runs, measures)."""
    future = {"name": "future", "step": step}
    draws = range(1000 * past, 1000 * past + count)  # of each past other ones
    futures = [scenario.replace(changes=[*scenario.changes, future | {"seed": seed}]) for seed in draws]
    return simulate_many(futures, [past], every=0).outcomes[list(MEASURES)].to_numpy(float)


def decided(scenario: Scenario, steps: list[int], pasts: int, count: int) -> pd.DataFrame:
    """The share of the variance of the end that is decided by each step, with its interval over pasts."""
    runs = simulate_many([scenario], range(pasts * count), every=0).outcomes
    whole = runs[list(MEASURES)].to_numpy(float).var(axis=0, ddof=1)
    rows = []
    draw = np.random.default_rng(1)
    for step in steps:
        left = np.array([ends(scenario, step, seed, count).var(axis=0, ddof=1) for seed in range(1, pasts + 1)])
        again = left[draw.integers(pasts, size=(RESAMPLES, pasts))].mean(axis=1)
        for place, measure in enumerate(MEASURES):
            low, high = np.quantile(1.0 - again[:, place] / whole[place], [0.025, 0.975])
            share = 1.0 - left[:, place].mean() / whole[place]
            rows.append({"measure": measure, "step": step, **named("decided", (share, low, high))})
    return pd.DataFrame(rows)


def draw_fan(axes: Axes, rows: pd.DataFrame, measure: str, step: int) -> None:
    """Medians and bands of futures, without and with the mandate."""
    for (value, own), colour in zip(rows.groupby(SPILLOVER), COLOURS):
        wide = own.pivot(index="replication", columns="step", values=measure)
        for low, high, alpha in ((0.05, 0.95, 0.15), (0.25, 0.75, 0.25)):
            axes.fill_between(wide.columns, wide.quantile(low), wide.quantile(high), color=colour, alpha=alpha, lw=0)
        axes.plot(wide.columns, wide.median(), color=colour, lw=1.6, label=MANDATE[value])
    axes.axvline(step, color="0.4", lw=0.8)
    axes.text(step, 0.02, f" step {step}", transform=axes.get_xaxis_transform(), color="0.4", fontsize=8)
    axes.set(xlabel="step (quarter)", ylabel=MEASURES[measure])
    axes.set_ylim(bottom=0)


def plot(rows: pd.DataFrame, table: pd.DataFrame, step: int) -> Figure:
    """The fans, and what is decided by when."""
    figure = Figure(figsize=(11.0, 3.9), layout="constrained")
    *fans, last = figure.subplots(1, 3)
    for axes, measure in zip(fans, MEASURES):
        draw_fan(axes, rows, measure, step)
    fans[0].legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0.0, 0.08))
    for place, (measure, own) in enumerate(table.groupby("measure", sort=False)):
        middle = 100.0 * own["decided"]
        bars = 100.0 * np.abs(own[["decided low", "decided high"]].to_numpy().T - own["decided"].to_numpy())
        moved = np.arange(len(own)) + 0.08 * (2 * place - 1)
        style = {"color": COLOURS[2 + place], "marker": "o", "capsize": 3, "lw": 1.4}
        last.errorbar(moved, middle, bars, label=MEASURES[measure], **style)
    last.set_xticks(range(table["step"].nunique()), [str(each) for each in table["step"].unique()])
    last.set(xlabel="step that the futures share", ylabel="variance of the end decided (%)")
    last.set_ylim(min(0.0, 100.0 * table["decided low"].min() - 5.0), 100.0)
    last.legend(frameon=False, fontsize=9, loc="upper left")
    title = "Median, middle half and middle 90 % of the futures"
    fans[0].set_title(title, fontsize=9, color="0.3", loc="left")
    return figure


def answers(out: Experiment, rows: pd.DataFrame, table: pd.DataFrame, last: int) -> None:
    """What is decided by when, and what the mandate does to the futures."""
    for measure, own in table.groupby("measure", sort=False):
        parts = [
            f"{shown(*(100.0 * row[name] for name in ('decided', 'decided low', 'decided high')), 2)} % by step "
            f"{row['step']}" for row in own.to_dict("records")
        ]  # fmt: skip
        out.answer(f"Of the variance of the {MEASURES[measure]} at the end is decided: {', '.join(parts)}.")
    window = rows[rows["step"] > last - last // 4].groupby([SPILLOVER, "replication"])[list(MEASURES)].mean()
    without, mandate = (window.loc[value] for value in MANDATE)
    for measure, name in MEASURES.items():
        difference = mean_with_interval((mandate[measure] - without[measure]).to_numpy())
        spread = [shown(*each[measure].quantile([0.5, 0.05, 0.95])) for each in (without, mandate)]
        sure = difference[1] > 0.0 or difference[2] < 0.0
        out.answer(
            f"From the same past the mandate changes the {name} at the end by {shown(*difference)}; without it futures "
            f"reach {spread[0]}, with it {spread[1]} (median and middle 90 %).",
            sure,
        )


def main() -> None:
    """Make the futures, then write the tables, the picture and what they say."""
    with experiment(__doc__, "futures") as out:
        last = out.runs(400, 100)
        steps = [last // 8, last // 4, last // 2]
        scenario = market(last, last // 2)
        rows = fan(scenario, last // 2, out.runs(100, 10))
        table = decided(scenario, steps, out.runs(8, 3), out.runs(25, 6))
        answers(out, rows, table, last)
        out.picture("futures", plot(rows, table, last // 2), "Futures from one past")
        out.table("decided", table, "What is decided by when")
        quantiles = rows.groupby([SPILLOVER, "step"])[list(MEASURES)].quantile([0.05, 0.25, 0.5, 0.75, 0.95])
        out.table("fan", quantiles.rename_axis([SPILLOVER, "step", "quantile"]).reset_index())


if __name__ == "__main__":
    main()
