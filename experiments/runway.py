"""Do longer funds and outside capital let technology-first firms survive?

The article's §2.2.3 says that a return too low becomes a challenge of commercialisation that sets technology and
competitiveness back; §3.2 (step 4) has firms bring in capital. In the market of five strategies (`one-market`, 40 firms
each) vary the runway F̄, the number of steps that a firm survives without any return; outside capital ψ, which follows
technology above the market's mean; and the stress response χ, by which low funds cut a firm's gains.

The measures are of the firms that start: the share that survives to the end, and the mean smoothed return at the end, 0
for those that failed; of technology-first (θ = 0.8), and less market-first (θ = 0.2). Differences are of pairs of the
same seed; intervals are 95 %, each by itself.

    python -m experiments.runway [--quick] [--out DIR]
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from experiments.common import (
    COLOURS,
    Experiment,
    beside,
    cited,
    experiment,
    first_firms,
    mean_with_interval,
    means_with_intervals,
    named,
)  # fmt: skip

SCENARIO = Scenario.load("one-market").replace(name="runway", capacity=200)
NAMES = [strategy.name for strategy in SCENARIO.strategies]
TECHNOLOGY, MARKET = NAMES.index("technology_first"), NAMES.index("market_first")
RUNWAYS, CAPITALS, STRESSES = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0), (0.0, 0.5, 1.0, 2.0, 4.0), (0.0, 0.5, 1.0)
USUAL = {"runway": 8.0, "outside_capital": 0.5, "stress_response": 0.5}  # the defaults
SHORT, LONG, MUCH = 2.0, 64.0, 4.0


def grid(runways: tuple[float, ...], capitals: tuple[float, ...]) -> pd.DataFrame:
    """Runway by capital at the usual stress, runway by stress at the usual capital, and no limit of funds."""
    rows = list(itertools.product(runways, capitals, [USUAL["stress_response"]]))
    rows += list(itertools.product(runways, [USUAL["outside_capital"]], [each for each in STRESSES if each != 0.5]))
    rows.append((np.inf, USUAL["outside_capital"], USUAL["stress_response"]))
    return pd.DataFrame(rows, columns=list(USUAL))


def measured(points: pd.DataFrame, survival: np.ndarray, returns: np.ndarray) -> pd.DataFrame:
    """Survival and return of technology-first firms, and what they have more than market-first ones, with intervals."""
    table = points
    for name, values in (("survival", survival), ("return", returns)):
        own = values[:, :, TECHNOLOGY]
        for label, pairs in ((name, own), (f"{name} less market-first", own - values[:, :, MARKET])):
            table = table.assign(**named(label, means_with_intervals(pairs.T)))
    return table


def cell(points: pd.DataFrame, values: np.ndarray, **given: float) -> np.ndarray:
    """The values over runs at the defaults, except for the given parameters."""
    return values[(points == pd.Series(USUAL | given)).all(axis=1)][0]


def changes(points: pd.DataFrame, survival: np.ndarray) -> pd.DataFrame:
    """Change of survival by each of the three: technology-first, market-first, and the first less the second."""
    long, much = {"runway": LONG}, {"outside_capital": MUCH}
    none, hard = {"outside_capital": 0.0}, {"stress_response": 1.0}
    steps = [
        (f"runway {SHORT:g} to {LONG:g}", {"runway": SHORT}, long),
        (f"outside capital 0 to {MUCH:g}, runway {SHORT:g}", {"runway": SHORT} | none, {"runway": SHORT} | much),
        (f"outside capital 0 to {MUCH:g}, runway 8", none, much),
        (f"outside capital 0 to {MUCH:g}, runway {LONG:g}", long | none, long | much),
        ("stress response 0 to 1, runway 8", {"stress_response": 0.0}, hard),
    ]
    rows = []
    for name, before, after in steps:
        change = cell(points, survival, **after) - cell(points, survival, **before)
        row = {"change": name}
        for label, own in (("technology-first", change[:, TECHNOLOGY]), ("market-first", change[:, MARKET]),
                           ("difference", change[:, TECHNOLOGY] - change[:, MARKET])):  # fmt: skip
            row |= named(label, np.round(mean_with_interval(own), 9) + 0.0)  # no -1e-19
        rows.append(row)
    return pd.DataFrame(rows)


def picture(table: pd.DataFrame) -> Figure:
    """Survival by runway: for each outside capital, for each stress response, and less market-first."""
    figure = Figure(figsize=(12.5, 4.4), layout="constrained")
    panels = figure.subplots(1, 3, sharex=True)
    table = table[np.isfinite(table["runway"])]
    runways = sorted(table["runway"].unique())
    usual = table[table["stress_response"] == USUAL["stress_response"]]
    stress = table[table["outside_capital"] == USUAL["outside_capital"]]
    whole, less = "survival of technology-first", "technology-first less market-first"
    capital, response = ("outside_capital", "outside capital ψ"), ("stress_response", "stress response χ")
    views = [(whole, usual, capital, "survival"), (less, usual, capital, "survival less market-first"),
             (whole, stress, response, "survival")]  # fmt: skip
    for axes, (title, own, (key, label), measure) in zip(panels, views):
        groups = list(own.groupby(key))
        for number, ((value, line), colour, mark) in enumerate(zip(groups, COLOURS, "os^Dv")):
            ends = [line[f"{measure}{end}"] for end in ("", " low", " high")]
            # Each runway has a field of its own, in which the values stand side by side: their intervals overlap.
            aside = 0.8 * (number - (len(groups) - 1) / 2) / len(groups)
            fields = [runways.index(each) for each in line["runway"]]
            beside(axes, fields, ends, colour, aside, marker=mark, markersize=5, linestyle="none", label=f"{value:g}")
        for border in range(len(runways) - 1):
            axes.axvline(border + 0.5, color="0.9", linewidth=1)
        axes.set_xlim(-0.5, len(runways) - 0.5)
        axes.set_xticks(range(len(runways)), [f"{each:g}" for each in runways])
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("runway F̄ (steps of spending)")
        low, high = axes.get_ylim()
        low = low if measure != "survival" else 0.0
        axes.set_ylim(low, high + 0.17 * (high - low))  # room for the legend
        axes.legend(title=label, frameon=False, fontsize=8, title_fontsize=8, ncols=5, loc="upper center",
                    handlelength=1.2, columnspacing=0.9, handletextpad=0.3)  # fmt: skip
    panels[1].axhline(0.0, color="0.6", linewidth=1)
    panels[0].set_ylabel("share of the first firms that live at the end")
    panels[1].set_ylabel("difference of the shares")
    figure.suptitle(
        "Bars: 95 % intervals over runs. All values of ψ and χ share their seeds, so that small differences between "
        "them count too (their intervals are in the table).",
        fontsize=9,
        color="0.3",
    )
    return figure


def answers(out: Experiment, table: pd.DataFrame, moved: pd.DataFrame) -> None:
    """Report what the runs show."""
    funds, capital_short, capital, capital_long, stress = (row for _, row in moved.iterrows())
    out.answer(
        f"A longer runway raises the survival of technology-first firms: from {SHORT:g} to {LONG:g} steps the share "
        f"that survives to the end changes by {cited(funds, 'technology-first')} "
        f"(market-first: {cited(funds, 'market-first')}; difference {cited(funds, 'difference')}).",
        bool(funds["technology-first low"] > 0.0),
    )
    out.answer(
        f"Outside capital raises the survival of technology-first firms: from ψ = 0 to {MUCH:g} at a runway of 8 the "
        f"share changes by {cited(capital, 'technology-first')}, by {cited(capital_short, 'technology-first')} at "
        f"{SHORT:g} and by {cited(capital_long, 'technology-first')} at {LONG:g}.",
        bool(capital["technology-first low"] > 0.0),
    )
    usual = table[(table[list(USUAL)] == pd.Series(USUAL)).all(axis=1)].iloc[0]
    out.answer(
        f"At the defaults {cited(usual, 'survival')} of technology-first firms survive to the end, "
        f"{cited(usual, 'survival less market-first')} more than of market-first ones."
    )
    out.answer(
        "The stress of short funds lowers the survival of technology-first firms: from χ = 0 to 1 the share changes by "
        f"{cited(stress, 'technology-first')}.", bool(stress["technology-first high"] < 0.0))  # fmt: skip


def main() -> None:
    """Run all points, then write the tables, the picture and what they say."""
    with experiment(__doc__, "runway") as out:
        points = grid((SHORT, 8.0, LONG), (0.0, 0.5, MUCH)) if out.quick else grid(RUNWAYS, CAPITALS)
        scenario = SCENARIO.replace(steps=150) if out.quick else SCENARIO
        survival, returns = first_firms(scenario, points, out.runs(60, 6))
        table, moved = measured(points, survival, returns), changes(points, survival)
        answers(out, table, moved)
        out.text(
            f"{survival.shape[1]} runs a point, {scenario.steps} steps, {scenario.capacity} slots. Without a limit of "
            "funds (runway inf) nobody fails, and no stress is felt."
        )
        out.picture("survival", picture(table), "Survival by runway, outside capital and stress response")
        out.table("changes", moved, "Change of the share of first firms that survive to the end")
        out.table("points", table)


if __name__ == "__main__":
    main()
