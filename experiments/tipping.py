"""Where does the winner take all, and does it depend on how the market starts?

The article's §3.3 (network effects, customers who stick) lets the large draw customers. Network effect β and churn
μ vary over a grid; the rest is at its defaults. Sixty firms start, the same in every run: the firm with id 0 is the
median firm, the others' traits are drawn once with the default spread. Two firm tables: customers dealt evenly, or
four fifths of them with firm 0, which has no other advantage.

With attractiveness alone, shares have one stable rest point for β < 1 and a winner that takes all, whoever is
ahead, for β > 1: the benchmark. The tipping point is the β at which half of the runs end as a monopoly (window's
HHI of the sector at least 6400), by linear interpolation; its interval resamples runs. Hysteresis is a difference
in HHI between the starts with the same seeds; the intervals of one horizon hold together at 95 % (Bonferroni). A
difference that is gone at the longer horizon was slowness, one that stays is path dependence. Where
every market tips, concentration does not show which firm leads: so also how often firm 0 is the largest at the end.

    python -m experiments.tipping [--quick] [--out DIR]
"""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from abm.comparison.statistics.intervals import paired_intervals
from abm.scenario.regimes import LEAST_HHI
from experiments.common import (
    COLOURS,
    Experiment,
    beside,
    experiment,
    means_with_intervals,
    named,
    share_with_interval,
    shown,
    swept,
)  # fmt: skip

FIRMS, GIANT = 60, 0.8
SCENARIO = Scenario.load("one-market").replace(capacity=FIRMS)
MONOPOLY = LEAST_HHI["monopoly"]
STARTS = ("even", "concentrated")


def firm_table(start: str) -> pd.DataFrame:
    """The first firms: traits drawn once, customers dealt by the start."""
    traits = ["T0", "C0", "R0", "k1", "k2", "k3"]
    spread = np.exp(SCENARIO.heterogeneity * np.random.default_rng(1).normal(size=(FIRMS, len(traits))))
    spread[0] = 1.0
    table = pd.DataFrame(spread * [getattr(SCENARIO, name) for name in traits], columns=traits)
    table.insert(0, "sector", SCENARIO.sectors[0].name)
    names = [strategy.name for strategy in SCENARIO.strategies]
    table.insert(1, "strategy", [names[place % len(names)] for place in range(FIRMS)])
    table["B"] = 1.0
    if start == "concentrated":
        table["B"] = FIRMS * (1.0 - GIANT) / (FIRMS - 1)
        table.loc[0, "B"] = FIRMS * GIANT
    return table


def runs(effects: list[float], churns: list[float], horizons: list[int], count: int) -> tuple[np.ndarray, np.ndarray]:
    """HHI of the window, and whether firm 0 is the largest at the end: (starts, horizons, churns, effects, runs)."""
    values, leads = [], []
    text = f"""
        firms = "firms.csv"
        factors = {{steps = {horizons}, churn = {churns}, network_effect = {effects}}}
        replications = {{count = {count}}}
        collect = {{firms = true}}"""
    for start in STARTS:
        with swept(SCENARIO, text, firms=firm_table(start)) as results:
            found, firms = results.read("outcomes", ["sector_hhi"]), results.read("firms", ["id", "B"])
        values.append(found.pivot(index="point", columns="replication", values="sector_hhi"))
        leader = firms.loc[firms.groupby(["point", "replication"])["B"].idxmax()]
        leader = leader.assign(leads=leader["id"] == 0)
        leads.append(leader.pivot(index="point", columns="replication", values="leads"))
    shape = (len(STARTS), len(horizons), len(churns), len(effects), count)
    return tuple(np.array([each.to_numpy() for each in found]).reshape(shape) for found in (values, leads))


def crossing(effects: np.ndarray, shares: np.ndarray) -> float:
    """The first β at which a share reaches one half, interpolated; the largest β of the grid if none does."""
    above = np.flatnonzero(shares >= 0.5)
    if not above.size or above[0] == 0:
        return float(effects[0] if above.size else effects[-1])
    last, first = above[0] - 1, above[0]
    return float(np.interp(0.5, shares[[last, first]], effects[[last, first]]))


def tipping_points(effects: np.ndarray, churns: list[float], horizons: list[int], hhi: np.ndarray) -> pd.DataFrame:
    """Where half of the runs are monopolies, by start, horizon and churn."""
    rng, rows = np.random.default_rng(1), []
    draws = rng.integers(hhi.shape[-1], size=(500, hhi.shape[-1]))
    places = itertools.product(*map(enumerate, (STARTS, horizons, churns)))
    for (s, start), (h, horizon), (c, churn) in places:
        monopoly = hhi[s, h, c] >= MONOPOLY
        found = [crossing(effects, monopoly[:, draw].mean(axis=1)) for draw in draws]
        ends = np.quantile(found, [0.025, 0.975])
        rows.append((start, horizon, churn, crossing(effects, monopoly.mean(axis=1)), *ends))
    return pd.DataFrame(rows, columns=["start", "steps", "churn", "tipping point", "low", "high"])


def cells(
    effects: np.ndarray, churns: list[float], horizons: list[int], hhi: np.ndarray, leads: np.ndarray
) -> pd.DataFrame:
    """Each cell's HHI from either start, the paired difference, and how often firm 0 is the largest."""
    parts, level = [], 1.0 - 0.05 / (len(churns) * len(effects))
    for (h, horizon), (c, churn) in itertools.product(enumerate(horizons), enumerate(churns)):
        own, led = hhi[:, h, c], leads[:, h, c].astype(float)
        columns = {"steps": horizon, "churn": churn, "network_effect": effects}
        for start, each in zip(STARTS, own):
            columns |= named(f"HHI {start}", means_with_intervals(each.T))
        columns |= {f"monopolies {start}": (each >= MONOPOLY).mean(axis=1) for start, each in zip(STARTS, own)}
        for start, each in zip(STARTS, led):
            columns |= named(f"firm 0 largest {start}", zip(*(share_with_interval(mine > 0.0) for mine in each)))
        columns |= dict(zip(("difference", "low", "high"), means_with_intervals((own[1] - own[0]).T, level)))
        yes = np.ones(len(effects), dtype=bool)
        lead = paired_intervals(led[1].T, led[0].T, level, binary=yes)
        columns |= {"lead difference": (led[1] - led[0]).mean(axis=1), "lead low": lead[0], "lead high": lead[1]}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """HHI against β, a panel a churn, at the longest horizon, from both starts."""
    table = table[table["steps"] == table["steps"].max()]
    churns = table["churn"].unique()
    figure = Figure(figsize=(3.2 * len(churns) + 0.6, 6.2), layout="constrained")
    panels = figure.subplots(2, len(churns), sharex=True, sharey="row", squeeze=False)
    for row, name, scale in zip(panels, ("HHI", "firm 0 largest"), (10_400, 1.04)):
        for axes, churn in zip(row, churns):
            own = table[table["churn"] == churn]
            x = own["network_effect"]
            for start, colour, mark, aside in zip(STARTS, COLOURS, "o^", (-0.01, 0.01)):
                ends = [own[f"{name} {start}{end}"] for end in ("", " low", " high")]
                beside(axes, x, ends, colour, aside, marker=mark, markersize=4, label=start)
            axes.axvline(1.0, color="0.5", linewidth=1, linestyle="--")
            axes.set_ylim(-0.02 * scale, scale)
    for upper, lower, churn in zip(*panels, churns):
        upper.axhline(MONOPOLY, color="0.7", linestyle=":", linewidth=1)
        upper.set_title(f"churn μ = {churn:g} a step", fontsize=10)
        lower.set_xlabel("network effect β")
    panels[0, 0].set_ylabel("HHI (mean of the last fourth of the steps)")
    panels[0, 0].yaxis.set_major_formatter("{x:,.0f}")
    panels[1, 0].set_ylabel("share of runs in which firm 0\nis the largest at the end")
    panels[0, 0].text(0.02, MONOPOLY + 150, f"called a monopoly from {MONOPOLY:,}", fontsize=8, color="0.4")
    panels[1, 0].text(
        0.95, 0.5, "right of β = 1 one firm would\ntake all if customers chose\nby attractiveness alone",
        fontsize=8, color="0.4", ha="right",
    )  # fmt: skip
    handles, labels = panels[0, 0].get_legend_handles_labels()
    start_labels = {
        "even": "at the start all firms have equally many customers",
        "concentrated": "at the start firm 0 has four fifths of the customers",
    }
    figure.legend(handles, [start_labels[each] for each in labels], loc="outside upper center", ncols=2, frameon=False)
    return figure


def answers(out: Experiment, points: pd.DataFrame, table: pd.DataFrame) -> None:
    """Report where the market tips, and which differences between the starts last."""
    longest = table["steps"].max()
    last = points[points["steps"] == longest]
    said = []
    for start, own in last.groupby("start", sort=False):
        by_churn = [f"{shown(*row[3:])} at μ = {row[2]:g}" for row in own.itertuples(index=False, name=None)]
        said.append(f"{start} {', '.join(by_churn)}")
    out.answer(f"After {longest} steps half of the markets are monopolies at β = {'; '.join(said)}.")
    own = table[table["steps"] == longest]
    differs = own["low"] > 0.0
    row = own.loc[own["difference"].idxmax()]
    out.answer(
        f"Hysteresis of concentration: a concentrated start leaves a more concentrated market after {longest} steps in "
        f"{differs.sum()} of {len(own)} cells, at most by {shown(*row[['difference', 'low', 'high']])} of HHI (β = "
        f"{row['network_effect']:g}, μ = {row['churn']:g}).", bool(differs.any()))  # fmt: skip
    remembers = own["lead low"] > 0.0
    known = own[remembers].groupby("churn")["network_effect"].min()
    where = ", ".join(f"β = {effect:g} at μ = {churn:g}" for churn, effect in known.items()) or "nowhere"
    top = own.loc[own["lead difference"].idxmax()]
    out.answer(
        "Hysteresis of who wins: firm 0, a median firm that has four fifths of the customers in the concentrated "
        "start, is the largest at the end more often from there than from the even start in "
        f"{remembers.sum()} of {len(own)} cells, from {where} on; at most the difference in the share of runs is "
        f"{shown(*top[['lead difference', 'lead low', 'lead high']])}.", bool(remembers.any()))  # fmt: skip
    first = table[table["steps"] == table["steps"].min()]
    fades = (first["low"].to_numpy() > 0.0) & ~differs.to_numpy()
    out.answer(
        f"Of the cells that remember after {table['steps'].min()} steps, {fades.sum()} no longer do after {longest}: "
        "slowness."
    )


def main() -> None:
    """Run the grid from both starts, then write the tables, the picture and what they say."""
    with experiment(__doc__, "tipping") as out:
        effects = [0.0, 0.9, 1.4] if out.quick else [0.0, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6]
        churns = [0.2] if out.quick else [0.05, 0.2, 1.0]
        horizons, count = [100, 200] if out.quick else [200, 800], out.runs(24, 4)
        hhi, leads = runs(effects, churns, horizons, count)
        effects = np.array(effects)
        points, table = tipping_points(effects, churns, horizons, hhi), cells(effects, churns, horizons, hhi, leads)
        answers(out, points, table)
        out.text(
            f"{count} runs a cell and start, {FIRMS} slots. Bars: 95 % intervals of each point. Grey: β = 1, from "
            "which attractiveness alone lets a winner take all, and the HHI from which a market is called a monopoly."
        )
        out.picture("tipping", plot(table), f"HHI after {horizons[-1]} steps, with 95 % intervals of each point")
        out.table("tipping-points", points, "Tipping points")
        out.table("cells", table)


if __name__ == "__main__":
    main()
