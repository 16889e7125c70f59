"""How much of its effort should a firm spend on optimising its model rather than on shipping products?

The article's §2.2.2 says that optimising too often keeps a firm from iterating fast, while a firm whose optimisation
stalls cannot keep up: the best weight should be an inner one.
Firms of seven fixed optimisation weights ω, 30 each, all with θ = 0.5, compete in
one of three markets: led by competitiveness (smart hardware of §3.4), even (language and vision), led by quality
(health and finance). The innovation drag φ, by which technology slows innovation speed V, and the decay δ of a
deployed model vary; all else is at its defaults.

The return of a weight is the mean smoothed return at the end of all firms that started with it, 0 for those that
failed. In each market a weight is among the best if it is not shown to earn less than the one that earns most
(differences of pairs of the same seed, intervals that hold together at 95 % in each market, Bonferroni). The best is
inner if neither 0.05 nor 0.95 is among the best; there is none if all are.

    python -m experiments.optimise_or_ship [--quick] [--out DIR]
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from experiments.common import (
    COLOURS,
    WEIGHTS,
    Experiment,
    band,
    behind_best,
    by_weight,
    experiment,
    first_firms,
    value_map,
)

MARKETS = {"competitiveness-led": (2.0, 0.3), "even": (1.0, 1.0), "quality-led": (0.3, 2.5)}  # γ, τ
DRAGS, DECAYS = (0.0, 0.3, 1.0, 3.0), (0.0, 0.03, 0.1, 0.3)
DEFAULTS = (0.3, 0.03)
SCENARIO = Scenario(
    name="optimise-or-ship",
    capacity=30 * len(WEIGHTS),
    strategies=[
        {"name": f"omega-{weight:.2f}".replace(".", "-"), "technology_weight": 0.5, "optimisation_weight": weight}
        for weight in WEIGHTS
    ],
)
ELASTICITIES = [f"sectors.market.{name}_elasticity" for name in ("competitiveness", "quality")]
COLUMNS = dict(zip(("innovation_drag", "quality_decay", *ELASTICITIES), ("phi", "delta", "gamma", "tau")))


def grid(drags: tuple[float, ...], decays: tuple[float, ...]) -> pd.DataFrame:
    """All markets, a row each."""
    rows = itertools.product(MARKETS.values(), drags, decays)
    return pd.DataFrame([(drag, decay, *own) for own, drag, decay in rows], columns=list(COLUMNS))


def best_weights(points: pd.DataFrame, returns: np.ndarray) -> pd.DataFrame:
    """For each point the weight that earns most, which are not shown to earn less, and what the worst loses."""
    rows = []
    for own, (drag, decay, *market) in zip(returns, points.to_numpy()):
        means = own.mean(axis=0)
        best, low, high = behind_best(own)
        among, worst = ~(low > 0.0), means.argmin()
        name = next(name for name, each in MARKETS.items() if each == tuple(market))
        kind = "none" if among.all() else "inner" if not (among[0] or among[-1]) else "edge"
        rows.append({
            "market": name, "phi": drag, "delta": decay, "best": kind, "omega": WEIGHTS[best],
            "from": WEIGHTS[among].min(), "to": WEIGHTS[among].max(), "return": means[best],
            "worst omega": WEIGHTS[worst], "worst loses": means[best] - means[worst],
            "low": low[worst], "high": high[worst],
        })  # fmt: skip
    return pd.DataFrame(rows)


def map_picture(table: pd.DataFrame) -> Figure:
    """The best weight by market, drag and decay."""
    figure = Figure(figsize=(11.0, 4.2), layout="constrained")
    panels = figure.subplots(1, len(MARKETS), sharey=True)
    for axes, name in zip(panels, MARKETS):
        own = table[table["market"] == name]
        cells = own.pivot(index="delta", columns="phi", values="omega")
        image = value_map(axes, cells, cmap="cividis", vmin=0.0, vmax=1.0)
        for row in own.itertuples():
            x, y = cells.columns.get_loc(row.phi), cells.index.get_loc(row.delta)
            lowest, highest = own["from"][row.Index], own["to"][row.Index]
            span = f"{lowest:g}" if lowest == highest else f"{lowest:g}–{highest:g}"
            text = "none" if row.best == "none" else f"{row.omega:g}\n({span})"
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=8,
                      color="white" if row.omega < 0.55 else "black")  # fmt: skip
        axes.set_title(f"{name} (γ {MARKETS[name][0]:g}, τ {MARKETS[name][1]:g})", fontsize=10)
        axes.set_xlabel("innovation drag φ")
    panels[0].set_ylabel("decay of quality δ (a step)")
    figure.colorbar(image, ax=panels, label="ω that earns most\n(span of those among the best)")
    return figure


def weight_picture(table: pd.DataFrame) -> Figure:
    """Return by weight in each market, at the defaults and at the strongest drag and decay."""
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    most = table["phi"].max(), table["delta"].max()
    cells = {"defaults": DEFAULTS, "strong drag": (most[0], 0.03), "strong decay": (0.3, most[1])}
    for axes, (label, cell) in zip(panels, cells.items()):
        for (name, market), colour, mark in zip(MARKETS.items(), COLOURS, "os^"):
            own = table[(table[["phi", "delta", "gamma", "tau"]] == [*cell, *market]).all(axis=1)]
            ends = own[["return", "return low", "return high"]].to_numpy().T
            band(axes, own["omega"], ends, colour, marker=mark, markersize=4, label=name)
        axes.set_title(f"{label}: φ = {cell[0]:g}, δ = {cell[1]:g}", fontsize=10)
        axes.set_xlabel("optimisation weight ω")
    panels[0].set_ylim(bottom=0.0)  # once all panels are drawn, since an end that is set stays
    panels[0].set_ylabel("return R at the end (1 = break-even; failed firms 0)")
    panels[1].legend(frameon=False, fontsize=9, loc="upper right")
    return figure


def answers(out: Experiment, table: pd.DataFrame) -> None:
    """Report what the runs show."""
    usual = table[(table["phi"] == DEFAULTS[0]) & (table["delta"] == DEFAULTS[1])]
    said = "; ".join(
        f"{row['market']} ω = {row['omega']:g} (among the best: {row['from']:g} to {row['to']:g}; "
        f"ω = {row['worst omega']:g} earns {row['worst loses']:.2f} [{row['low']:.2f}, {row['high']:.2f}] less)"
        for _, row in usual.iterrows()
    )
    out.answer(f"The best weight at the defaults: {said}.")
    kinds = table["best"].value_counts()
    inner, edge, none = (int(kinds.get(kind, 0)) for kind in ("inner", "edge", "none"))
    out.answer(
        f"Both too much and too little optimisation cost return: the best is inner in {inner} of {len(table)} "
        f"markets, an end is among the best in {edge}, and no best is shown in {none}.",
        inner > len(table) / 2)  # fmt: skip
    for name, text in (("phi", "Drag on innovation"), ("delta", "Decay of quality")):
        ends = table[name].min(), table[name].max()
        pairs = [table[table[name] == end].sort_values(["market", "phi", "delta"]) for end in ends]
        up = (pairs[1]["from"].to_numpy() > pairs[0]["to"].to_numpy()).sum()
        down = (pairs[1]["to"].to_numpy() < pairs[0]["from"].to_numpy()).sum()
        out.answer(
            f"{text} moves the best weight: from {ends[0]:g} to {ends[1]:g} it rises beyond what is among the best in "
            f"{up}, and falls so in {down} of {len(pairs[0])} markets.", bool(up + down > len(pairs[0]) / 2)
        )  # fmt: skip


def main() -> None:
    """Run all markets, then write the tables, the pictures and what they say."""
    with experiment(__doc__, "optimise_or_ship") as out:
        points = grid((0.3, 3.0), (0.03, 0.3)) if out.quick else grid(DRAGS, DECAYS)
        scenario = SCENARIO.replace(steps=150) if out.quick else SCENARIO
        survival, returns = first_firms(scenario, points, out.runs(40, 6))
        table = best_weights(points, returns)
        weights = by_weight(points.rename(columns=COLUMNS), "omega", survival, returns)
        answers(out, table)
        out.text(f"{returns.shape[1]} runs a market, {scenario.steps} steps, {scenario.capacity} slots.")
        out.picture("best", map_picture(table), "The best optimisation weight by market")
        out.picture("weights", weight_picture(weights), "Return by optimisation weight")
        out.table("best", table, "The best optimisation weight")
        out.table("weights", weights)


if __name__ == "__main__":
    main()
