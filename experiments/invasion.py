"""Which technology weight can no other weight invade, and does strong spillover make the lowest invade all?

The article's §2.2 asks for the balance of technology and market; §3.2 has firms publish papers and open code
(spillover σ), by which those below the mean T of the market catch up. A weight θ is an equilibrium
if no firm gains by leaving it.

1. For each σ and θ of the residents, markets of 100 slots settle for 100 steps, one for each replication.
2. One firm of each market, drawn with equal odds, becomes the mutant: it takes another θ_m, and nothing else changes.
   From this firm table the market goes on for 200 steps, once for each θ_m and once unchanged, with the same random
   numbers. Entrants are residents.
3. What the mutant gains: its share of customers (mean over the last 50 steps, 0 if it failed) less the share that the
   same firm has unchanged, in shares of the average firm at the mutation.

A mutant invades if the interval of its mean gain lies above 0, and is repelled if below; the intervals of all mutants
against one resident hold together at 95 % (Bonferroni). A resident is uninvadable if no mutant is shown to invade.

    python -m experiments.invasion [--quick] [--out DIR]
"""

import itertools
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from abm import Scenario, simulate
from experiments.common import COLOURS, WEIGHTS, Experiment, experiment, means_with_intervals, shown, value_map

SPILLOVERS = (0.0, 0.01, 0.1, 0.5)
SCENARIO = Scenario(name="invasion", capacity=100, market_size=100.0)
SETTLING, HORIZON = 100, 200
REPELLED, UNCLEAR, INVADES = -1, 0, 1


def gains(spillover: float, resident: float, weights: np.ndarray, seed: int) -> np.ndarray:
    """What one firm of a settled market gains by each other weight.

    Parameters
    ----------
    spillover, resident : float
        σ, and the weight of all firms but the mutant.
    weights : float64 array, shape (weights,)
        Of the mutant.
    seed : int

    Returns
    -------
    float64 array, shape (weights,)
        In shares of the average firm; NaN if no firm lives after settling.
    """
    mutant = {"name": "mutant", "technology_weight": resident, "weight": 0.0}
    strategies = [{"name": "resident", "technology_weight": resident}, mutant]
    scenario = SCENARIO.replace(spillover=spillover, strategies=strategies, steps=SETTLING)
    firms = simulate(scenario, 2 * seed, collect="light", every=0).firms
    if firms.empty:
        return np.full(len(weights), np.nan)
    chosen = firms.index[np.random.default_rng(seed).integers(len(firms))]
    firms.loc[chosen, "strategy"] = "mutant"
    scenario, shares = scenario.replace(steps=HORIZON), {}
    for weight in [resident, *weights]:
        if weight not in shares:
            firms.loc[chosen, "theta"] = weight
            end = simulate(scenario, 2 * seed + 1, firms=firms, collect="light", every=0).outcomes
            shares[weight] = np.nan_to_num(end["share_mutant"])
    return len(firms) * np.array([shares[weight] - shares[resident] for weight in weights])


def invasions(weights: np.ndarray, count: int) -> pd.DataFrame:
    """Mean gain with interval for each spillover, resident and mutant."""
    rows = []
    tasks = list(itertools.product(SPILLOVERS, weights, [weights], range(count)))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = iter(pool.map(gains, *zip(*tasks), chunksize=max(1, count // 2)))
    for spillover in SPILLOVERS:
        for resident in weights:
            values = np.array(list(itertools.islice(found, count)))
            ends = means_with_intervals(values, 1.0 - 0.05 / (len(weights) - 1))
            for weight, gain, low, high in zip(weights, *ends):
                sign = INVADES if low > 0.0 else REPELLED if high < 0.0 else UNCLEAR
                rows.append((spillover, resident, weight, gain, low, high, sign))
    return pd.DataFrame(rows, columns=["spillover", "resident", "mutant", "gain", "low", "high", "sign"])


def listed(weights: pd.Series) -> str:
    """Weights as a list, separated by commas."""
    return " ".join(f"{each:g}" for each in weights)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """For each spillover and resident: which mutants invade, and whether none is shown to."""
    rows = []
    for (spillover, resident), own in table.groupby(["spillover", "resident"]):
        invaders, repelled = (own["mutant"][own["sign"] == sign] for sign in (INVADES, REPELLED))
        best = own.loc[own["gain"].idxmax()]
        rows.append({
            "spillover": spillover, "resident": resident, "invaded by": listed(invaders),
            "repels": listed(repelled), "uninvadable": invaders.empty,
            "best mutant": best["mutant"], "gain": best["gain"], "low": best["low"], "high": best["high"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """Pairwise invasibility plots, one a spillover."""
    figure = Figure(figsize=(11.0, 3.7), layout="constrained")
    panels = figure.subplots(1, len(SPILLOVERS), sharey=True)
    colours = ListedColormap([COLOURS[4], "0.93", COLOURS[5]])
    weights = table["mutant"].unique()
    for axes, (spillover, own) in zip(panels, table.groupby("spillover")):
        cells = own.pivot(index="mutant", columns="resident", values="sign")
        value_map(axes, cells, cmap=colours, norm=BoundaryNorm([-1.5, -0.5, 0.5, 1.5], 3))
        for row in own.itertuples():
            x, y = cells.columns.get_loc(row.resident), cells.index.get_loc(row.mutant)
            text = "·" if row.resident == row.mutant else f"{row.gain:+.1f}".replace("-", "−")
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7)
        for index, each in enumerate(weights):
            if (own["sign"][own["resident"] == each] != INVADES).all():
                axes.plot(index + 0.5, len(weights) + 0.3, marker="v", color="black", markersize=6, clip_on=False)
        axes.tick_params(labelsize=8)
        axes.set_ylim(0, len(weights))
        axes.set_title(f"spillover σ = {spillover:g}", fontsize=10, pad=14)
        axes.set_xlabel("θ of the residents")
        axes.set_aspect("equal")
    panels[0].set_ylabel("θ of the mutant")
    handles = [axes.plot([], [], "s", color=colours(place), markersize=9)[0] for place in range(3)]
    handles.append(axes.plot([], [], "v", color="black")[0])
    labels = ["mutant is repelled", "not distinguishable", "mutant invades", "no mutant is shown to invade"]
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    text = "Numbers: mean gain of the mutant in shares of the average firm; a dot: the mutant is like the residents"
    figure.suptitle(text, fontsize=9, color="0.3")
    return figure


def answers(out: Experiment, table: pd.DataFrame, found: pd.DataFrame) -> None:
    """Report what the runs show."""
    uninvadable_weights = []
    for spillover, own in found.groupby("spillover"):
        uninvadable_weights.append(f"{listed(own['resident'][own['uninvadable']]) or 'none'} at σ = {spillover:g}")
    out.answer(f"Weights that no mutant is shown to invade: {', '.join(uninvadable_weights)}.")
    lowest, strongest = table["mutant"].min(), max(SPILLOVERS)
    own = table[(table["spillover"] == strongest) & (table["mutant"] == lowest) & (table["resident"] > lowest)]
    invaded, repels = (listed(own["resident"][own["sign"] == sign]) for sign in (INVADES, REPELLED))
    first, last = own.iloc[0], own.iloc[-1]
    gain = [shown(*row[["gain", "low", "high"]]) for row in (first, last)]
    out.answer(
        f"Spillover strong enough removes the dilemma: at σ = {strongest:g} the lowest weight ({lowest:g}) invades "
        f"all. It is shown to invade residents of {invaded or 'none'} and to be repelled by {repels or 'none'}; its "
        f"gain is {gain[0]} average shares against {first['resident']:g} and {gain[1]} against {last['resident']:g}.",
        bool((own["sign"] == INVADES).all()))  # fmt: skip
    ends = {spillover: each["best mutant"].mean() for spillover, each in found.groupby("spillover")}
    best = ", ".join(f"{value:.2f} at σ = {spillover:g}" for spillover, value in ends.items())
    out.answer(f"The weight of the mutant that gains most, mean over the residents: {best}.")


def main() -> None:
    """Run all invasions, then write the tables, the picture and what they say."""
    with experiment(__doc__, "invasion") as out:
        weights = WEIGHTS[::3] if out.quick else WEIGHTS
        count = out.runs(50, 8)
        table = invasions(weights, count)
        found = summary(table)
        answers(out, table, found)
        out.text(
            f"{count} settled markets for each resident and σ. Numbers in the cells: mean gain of the mutant, in "
            "shares of the average firm; a triangle marks residents that no mutant is shown to invade."
        )
        out.picture("invasibility", plot(table), "Pairwise invasibility by spillover")
        out.table("residents", found, "Who invades whom")
        out.table("invasions", table)


if __name__ == "__main__":
    main()
