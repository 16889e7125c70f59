"""Started from published figures of 2025, what does the model of foundation-model firms get right, and what wrong?

The article's subject (§1) is such firms. The scenario `foundation-models-2025` and a firm table of ten hold the
published figures (sources and gaps in the scenario's file); no parameter is fitted. A step is a quarter. Held
against figures:

1. Top-to-tenth quality gap: 11.9 % at the start, published 5.4 % a year later. The gap is read as a ratio of Q.
2. Concentration: the start is published (by spend or by tokens). Is it kept for a year, and does the model make it by
   itself, from even shares, within five years? The published range is from the HHI by tokens to that by spend.
3. R&D share: 0.77 at a leading firm. Which share would give the leader most customers after a year, and after five?
4. Open-weight lag: 1 to 1.33 quarters. How long before the end of the second year had the best closed firm the quality
   that the best open-weight firm has then? (Censored at eight quarters.)
5. Return of the leader: 0.49 at the start; after a year? No figure for later: only whether losses last.

Gap and lag also with the spillover σ that the published lag suggests if a lag of L quarters means σ = 1/L. These
are tests of the model, not forecasts of the market.

    python -m experiments.foundation_models_2025 [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario, simulate
from experiments.common import (
    COLOURS,
    Experiment,
    band,
    beside,
    experiment,
    mean_with_interval,
    means_with_intervals,
    shown,
)  # fmt: skip

SPEND = [0.40, 0.27, 0.21]
TOKENS = [0.284, 0.247, 0.154, 0.108]
GAP_BEFORE, GAP_AFTER, LAG = 0.119, 0.054, (1.0, 4.0 / 3.0)
REVENUE, RESEARCH, SALES = 4.3, 6.7, 2.0
SHARE, RETURN = RESEARCH / (RESEARCH + SALES), REVENUE / (RESEARCH + SALES)
FIRMS, YEAR, END = 10, 4, 20
SCENARIO = Scenario.load("foundation-models-2025")


def hhi(shares: list[float] | np.ndarray) -> float:
    """Concentration of shares.

    Examples
    --------
    >>> round(hhi([0.5, 0.5]))
    5000
    """
    return 1e4 * float(np.square(shares).sum())


def all_shares(published: list[float]) -> np.ndarray:
    """Shares of ten firms: those published, the rest split evenly."""
    rest = FIRMS - len(published)
    return np.array([*published, *[(1.0 - sum(published)) / rest] * rest])


def firm_table(shares: np.ndarray) -> pd.DataFrame:
    """Ten firms in falling order of share and of technology; the tenth's technology is 1, the baseline.

    Quality stands in proportion to technology, where optimisation and decay of a baseline firm balance.
    """
    shipped = SCENARIO.optimisation_speed / (SCENARIO.optimisation_speed + SCENARIO.quality_decay)
    quality = np.linspace(1.0 + GAP_BEFORE, 1.0, FIRMS)
    customers = FIRMS * shares
    w = SCENARIO.variable_cost_share
    demand = customers / (1.0 - w + w * customers)
    cost = 1.0 + SCENARIO.technology_cost * 2.0 * SHARE * (quality - 1.0)
    return pd.DataFrame({
        "name": [f"Firm {place}" for place in range(1, FIRMS + 1)], "sector": "api",
        "strategy": ["closed", "closed", "closed", "open_weight", "closed"] * 2, "theta": SHARE,
        "T": quality, "Q": shipped * quality,
        "R": RETURN, "P": RETURN * cost / demand, "B": customers,
    })  # fmt: skip


def numbers(scenario: Scenario, table: pd.DataFrame, seed: int) -> tuple[dict[str, float], list[float]]:
    """The measures of one run, and its quality gap by quarter."""
    result = simulate(scenario, seed, firms=table, panel=1, collect="light")
    # The panel has no quality: it is read from runs that end at that quarter.
    quality = {step: simulate(scenario.replace(steps=step), seed, firms=table, collect="light", every=0).firms
               for step in range(1, 2 * YEAR + 1)}  # fmt: skip
    gaps, best = [GAP_BEFORE], [table["Q"][table["strategy"] == "closed"].max()]
    for firms in quality.values():
        ranked = firms["Q"].sort_values(ascending=False).to_numpy()
        gaps.append(ranked[0] / ranked[min(FIRMS, len(ranked)) - 1] - 1.0)
        best.append(firms["Q"][firms["strategy"] == "closed"].max())
    own = quality[2 * YEAR]["Q"][quality[2 * YEAR]["strategy"] == "open_weight"].max()
    behind = np.flatnonzero(np.array(best) <= own)
    lag = 2.0 * YEAR if not behind.size else 2.0 * YEAR - behind[-1]
    panel, leader = result.panel, {}
    for step in (YEAR, END):
        now = panel[panel["step"] == step]
        mine = now[now["id"] == 0]
        leader[f"share {step}"] = mine["B"].sum() / now["B"].sum()
        leader[f"return {step}"] = float(mine["R"].iloc[0]) if len(mine) else np.nan
    found = {"gap": gaps[YEAR], "lag": lag, "hhi 4": result.steps["hhi"][YEAR], "hhi 20": result.steps["hhi"][END]}
    return found | leader, gaps


def run_all(scenario: Scenario, table: pd.DataFrame, count: int) -> tuple[pd.DataFrame, np.ndarray]:
    """All runs of one start."""
    pairs = [numbers(scenario, table, seed) for seed in range(count)]
    return pd.DataFrame([each for each, _ in pairs]), np.array([each for _, each in pairs])


def leader_weights(table: pd.DataFrame, weights: list[float], count: int) -> pd.DataFrame:
    """The leader's share by its own R&D share, all else equal and with the same seeds."""
    rows = []
    for weight in weights:
        changed = table.assign(theta=table["theta"].where(table.index > 0, weight))
        shares = []
        for seed in range(count):
            panel = simulate(SCENARIO, seed, firms=changed, panel=YEAR, collect="light", every=0).panel
            mine = panel["B"].where(panel["id"] == 0).groupby(panel["step"]).sum() / panel.groupby("step")["B"].sum()
            shares.append([mine[YEAR], mine[END]])
        for column, quarters in enumerate((YEAR, END)):
            rows.append((quarters, weight, *mean_with_interval([each[column] for each in shares])))
    table = pd.DataFrame(rows, columns=["quarters", "R&D share", "customers", "low", "high"])
    return table.sort_values(["quarters", "R&D share"])


def plot(gaps: dict[str, np.ndarray], weights: pd.DataFrame) -> Figure:
    """The quality gap by quarter, and the leader's customers by its R&D share."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, own), colour, mark, aside in zip(gaps.items(), COLOURS, "os^D", (-0.15, -0.05, 0.05, 0.15)):
        ends = 100 * np.array(means_with_intervals(own))
        beside(left, range(own.shape[1]), ends, colour, aside, marker=mark, markersize=4, label=name)
    left.plot([0, YEAR], [100 * GAP_BEFORE, 100 * GAP_AFTER], "k*", markersize=10, label="published")
    left.set(xlabel="quarters", ylabel="gap of quality from the best to the tenth firm (%)", ylim=(0, None))
    left.legend(frameon=False, fontsize=8, title="start (bars: 95 % intervals over runs)", title_fontsize=8)
    for (quarters, own), colour, mark in zip(weights.groupby("quarters"), COLOURS[2:], "o^"):
        ends = own[["customers", "low", "high"]].to_numpy().T
        band(right, own["R&D share"], ends, colour, marker=mark, markersize=4, label=f"after {quarters} quarters")
    right.axvline(SHARE, color="0.6", linestyle=":", label="published R&D share")
    right.set(xlabel="R&D share of the leader θ", ylabel="share of customers of the leader", ylim=(0, None))
    right.legend(frameon=False, fontsize=8)
    return figure


def main() -> None:
    """Run the starts, hold them against the figures, and write what is right and what wrong."""
    with experiment(__doc__, "foundation_models_2025") as out:
        count = out.runs(60, 6)
        spread = SCENARIO.replace(spillover=1.0 / np.mean(LAG))
        starts = {
            "by spend": (SCENARIO, SPEND), "by tokens": (SCENARIO, TOKENS),
            f"by spend, σ = {spread.spillover:.2f}": (spread, SPEND), "even shares": (SCENARIO, []),
        }  # fmt: skip
        measured, gaps = {}, {}
        for name, (scenario, shares) in starts.items():
            measured[name], gaps[name] = run_all(scenario, firm_table(all_shares(shares)), count)
        weights = leader_weights(firm_table(all_shares(SPEND)), [0.05, 0.2, 0.35, 0.5, 0.65, SHARE, 0.95], count)
        published = (hhi(TOKENS), hhi(all_shares(SPEND)))
        best = {quarters: own.loc[own["customers"].idxmax()] for quarters, own in weights.groupby("quarters")}
        said = {(start, what): mean_with_interval(own[what]) for start, own in measured.items() for what in own}
        judge(out, starts, said, published, best)
        rows = [(*key, *each) for key, each in said.items()]
        table = pd.DataFrame(rows, columns=["start", "what", "mean", "low", "high"])
        out.text(
            f"{count} runs a start, the same seeds. Gap and lag in quality Q; lag in quarters; the numbers after the "
            "names are quarters. Entrants count as firms."
        )
        out.picture("figures", plot(gaps, weights), "Quality gap, and the leader's R&D share")
        out.table("measures", table, "What the runs give")
        out.table("leader", weights)
        out.table("firms", firm_table(all_shares(SPEND)), "The firm table by spend")


def judge(out: Experiment, starts: dict, said: dict, published: tuple[float, float], best: dict) -> None:
    """Report what is right (mean in the published range, or interval that holds the one figure) and what wrong."""
    spend, _, spread, even = starts

    def verdict(key: tuple[str, str], low: float, high: float) -> str:
        mean, least, most = said[key]
        if low <= mean <= high or (low == high and least <= low <= most):
            return "right"
        return "unclear" if least <= high and most >= low else "wrong"

    gaps, lags = [], []
    for name in (spend, spread):
        gap = "{:.1f} % [{:.1f}, {:.1f}]".format(*(100 * each for each in said[name, "gap"]))
        gaps.append(f"{name} {gap}, {verdict((name, 'gap'), GAP_AFTER, GAP_AFTER)}")
        lags.append(f"{name} {shown(*said[name, 'lag'])}, {verdict((name, 'lag'), *LAG)}")
    out.answer(f"Quality gap after a year, published 5.4 %: {'; '.join(gaps)}.")
    out.answer(f"Open-weight lag, published 1 to 1.33 quarters: {'; '.join(lags)}.")
    out.answer(
        f"HHI, published {published[0]:.0f} to {published[1]:.0f}: put in by spend ({published[1]:.0f}) it is "
        f"{shown(*said[spend, 'hhi 4'], 4)} after a year, {verdict((spend, 'hhi 4'), *published)}; from even shares "
        f"the model makes {shown(*said[even, 'hhi 20'], 4)} in five years, "
        f"{verdict((even, 'hhi 20'), *published)}."
    )
    out.answer("R&D share, published 0.77: the share that gives the leader most customers is " + " and ".join(
        f"{own['R&D share']:.2f} after {quarters} quarters ({shown(*own[['customers', 'low', 'high']])} of them)"
        for quarters, own in best.items()) + ".")  # fmt: skip
    _, least, most = year = said[spend, "return 4"]
    out.answer(f"Return of the leader, 0.49 at the start: {shown(*year)} after a year: losses last "
               f"{'' if most < 1.0 else 'not ' if least > 1.0 else 'perhaps '}in the model.")  # fmt: skip


if __name__ == "__main__":
    main()
