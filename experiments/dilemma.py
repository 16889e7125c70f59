"""In which markets does technology-first win, and in which market-first?

The article's §2.2 (and §1.2) says that firms must find a balance between accumulating technology and competing in the
market. Firms of seven fixed technology weights θ, 30 each, compete in one market; the market's elasticities of
competitiveness γ and of quality τ vary, and so does the ceiling of competitiveness, at its default of 1 and at 5
(competitiveness that keeps its effect at high levels). All else is at its defaults.

The return of a weight is the mean smoothed return at the end of all firms that started with it, 0 for those that
failed: what a founder who chooses θ may expect. Beside it: survival, and the return of the survivors.
Technology-first is θ = 0.8, market-first 0.2. Differences are of pairs (the same market and seed); the intervals of a
map hold together at 95 % (Bonferroni). A weight is among the best if it is not shown to be below the best.

    python -m experiments.dilemma [--quick] [--out DIR]
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from abm.output.number_text import minus
from experiments.common import (
    COLOURS,
    WEIGHTS,
    Experiment,
    band,
    behind_best,
    by_weight,
    cited,
    experiment,
    first_firms,
    means_with_intervals,
    named,
    value_map,
)

MARKET_FIRST, TECHNOLOGY_FIRST = 1, 5  # indices into WEIGHTS
SCENARIO = Scenario(
    name="dilemma",
    capacity=30 * len(WEIGHTS),
    strategies=[{"name": f"theta-{weight:.2f}".replace(".", "-"), "technology_weight": weight} for weight in WEIGHTS],
)
GAMMA, TAU = "sectors.market.competitiveness_elasticity", "sectors.market.quality_elasticity"
CEILING = "competitiveness_ceiling"


def grid(levels: list[float]) -> pd.DataFrame:
    """All markets, a row each."""
    return pd.DataFrame(itertools.product((1.0, 5.0), levels, levels), columns=[CEILING, GAMMA, TAU])


def differences(points: pd.DataFrame, survival: np.ndarray, returns: np.ndarray) -> pd.DataFrame:
    """Technology-first less market-first at each point, with intervals that hold together, and the best weights."""
    table = points.rename(columns={GAMMA: "gamma", TAU: "tau"})
    for name, values in (("return", returns), ("survival", survival)):
        pairs = values[:, :, TECHNOLOGY_FIRST] - values[:, :, MARKET_FIRST]
        table = table.assign(**named(name, means_with_intervals(pairs.T, 1.0 - 0.05 / len(points))))
    best, low, _ = zip(*map(behind_best, returns))
    among = [WEIGHTS[~(own > 0.0)] for own in low]
    return table.assign(**{
        "best theta": WEIGHTS[list(best)],
        "best from": [weights.min() for weights in among],
        "best to": [weights.max() for weights in among],
    })  # fmt: skip


def map_picture(table: pd.DataFrame) -> Figure:
    """Maps of the differences in return and survival; what is not distinguishable from 0 is grey."""
    figure = Figure(figsize=(8.2, 6.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    titles = {"return": "return R", "survival": "survival"}
    for row, name in zip(panels, titles):
        limit = table[name].abs().max()
        for axes, (ceiling, own) in zip(row, table.groupby(CEILING)):
            cells = own.pivot(index="tau", columns="gamma", values=name)
            image = value_map(axes, cells, cmap="PuOr", vmin=-limit, vmax=limit)
            for place, index in enumerate(own.index):
                x, y = divmod(place, len(cells))
                values = own.loc[index]
                known = not values[f"{name} low"] <= 0.0 <= values[f"{name} high"]
                if not known:
                    axes.fill_between([x, x + 1], y, y + 1, facecolor="0.8", edgecolor="white")
                text = minus(f"{values[name]:+.2f}")
                if name == "return":
                    first, last = values["best from"], values["best to"]
                    text += f"\n{first:g}" + (f"–{last:g}" if last > first else "")
                axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7,
                          color="white" if known and abs(values[name]) > 0.7 * limit else "black")  # fmt: skip
            axes.set_title(f"{titles[name]}, ceiling of competitiveness {ceiling:g}", fontsize=10)
        figure.colorbar(image, ax=row, label=f"{titles[name]}: θ = 0.8 less θ = 0.2")
    text = (
        "In each market: technology-first (θ = 0.8) less market-first (θ = 0.2), grey if not distinguishable;\n"
        "in the upper row below it the weights θ among the best"
    )
    figure.suptitle(text, fontsize=9, color="0.3")
    figure.supxlabel("elasticity of competitiveness γ", fontsize=10)
    figure.supylabel("elasticity of quality τ", fontsize=10)
    return figure


def weight_picture(table: pd.DataFrame) -> Figure:
    """Return and survival by weight in the corner markets."""
    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True)
    most = table["gamma"].max()
    corners = {"only competitiveness": (5.0, most, 0.0), "both alike, at 1": (1.0, 1.0, 1.0)}
    corners["only quality"] = (1.0, 0.0, most)
    for axes, name in zip(panels, ("return", "survival")):
        for (label, place), colour, mark in zip(corners.items(), COLOURS, "os^"):
            own = table[(table[[CEILING, "gamma", "tau"]] == list(place)).all(axis=1)]
            ends = own[[name, f"{name} low", f"{name} high"]].to_numpy().T
            text = f"{label} (γ {place[1]:g}, τ {place[2]:g}, ceiling {place[0]:g})"
            band(axes, own["theta"], ends, colour, marker=mark, markersize=4, label=text)
        axes.set_xlabel("technology weight θ")
        axes.set_ylim(bottom=0.0)
    panels[0].set_ylabel("return R at the end (1 = break-even; failed firms 0)")
    panels[1].set_ylabel("share of the first firms that live at the end")
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=8, frameon=False)
    return figure


def answers(out: Experiment, table: pd.DataFrame, everywhere: np.ndarray) -> None:
    """Report what the maps show."""
    technology, market = table["return low"] > 0.0, table["return high"] < 0.0
    least, most = (
        f"{cited(row, 'return')} at γ = {row['gamma']:g}, τ = {row['tau']:g}, ceiling {row[CEILING]:g}"
        for row in (table.loc[table["return"].idxmin()], table.loc[table["return"].idxmax()])
    )
    out.answer(
        f"Each side wins somewhere: of {len(table)} markets technology-first (θ = 0.8) earns more in "
        f"{technology.sum()}, market-first (0.2) in {market.sum()}, and in "
        f"{len(table) - technology.sum() - market.sum()} they are not distinguishable; the difference in return goes "
        f"from {least} to {most}.", bool(technology.any() and market.any()))  # fmt: skip
    balanced = (table["best from"] > WEIGHTS[MARKET_FIRST]) & (table["best to"] < WEIGHTS[TECHNOLOGY_FIRST])
    out.answer(
        f"A balance is best in most markets: in {balanced.sum()} of {len(table)} every weight among the best lies "
        "between 0.2 and 0.8.", bool(balanced.mean() > 0.5))  # fmt: skip
    listed = ", ".join(f"{each:g}" for each in everywhere) or "none"
    out.answer(
        f"No weight is among the best in every market (those that are: {listed}); the best weight goes from "
        f"{table['best theta'].min():g} to {table['best theta'].max():g}.", everywhere.size == 0)  # fmt: skip
    dearer = technology & (table["survival high"] < 0.0) | market & (table["survival low"] > 0.0)
    out.answer(f"Return and survival contradict each other in {dearer.sum()} of {len(table)} markets.")


def main() -> None:
    """Run all markets, then write the tables, the pictures and what they say."""
    with experiment(__doc__, "dilemma") as out:
        points = grid([0.0, 1.0, 3.0] if out.quick else [0.0, 0.5, 1.0, 2.0, 3.0])
        scenario = SCENARIO.replace(steps=150) if out.quick else SCENARIO
        survival, returns = first_firms(scenario, points, out.runs(60, 6))
        table, behind = differences(points, survival, returns), np.array([behind_best(own)[1] for own in returns])
        weights = by_weight(points.rename(columns={GAMMA: "gamma", TAU: "tau"}), "theta", survival, returns)
        weights["return of the living"] = weights["return"] / weights["survival"]
        answers(out, table, WEIGHTS[(~(behind > 0.0)).all(axis=0)])
        out.text(
            f"{returns.shape[1]} runs a market, {scenario.steps} steps, {scenario.capacity} slots. In the maps: θ = "
            "0.8 less θ = 0.2; grey where not distinguishable; below the difference in return the span of weights "
            "that are among the best."
        )
        out.picture("maps", map_picture(table), "Technology-first less market-first by market")
        out.picture("weights", weight_picture(weights), "Return and survival by technology weight")
        out.table("differences", table, "Technology-first less market-first")
        out.table("weights", weights)


if __name__ == "__main__":
    main()
