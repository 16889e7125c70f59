"""Started from published figures of 2025, what does the model of foundation-model firms get right, and what wrong?

The article's subject (§1) is such firms. The scenario `foundation-models-2025` and a table of ten firms in each of its
sectors, consumers and API customers, hold the published figures (sources and gaps in the scenario's file). A step is a
quarter. What happens in the model half a year and a year later, and over five years, is held against patterns of the
industry; marks in the table say which are secondary or interpolated. A pattern is right if the mean over runs lies in
the published range, or if the interval holds a single figure; unclear if interval and range only touch.

Then the same with parts of the model off: a frontier that stands still, releases at every step, sectors alike. Last,
`abm calibrate`'s search is asked which patterns it can bring nearer by the parameters that no figure fixes.

These are tests of the model, not forecasts of the market.

    python -m experiments.foundation_models_2025 [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario, simulate
from abm.calibration.specification import Specification
from experiments.calibrating import Markets, calibrated
from experiments.common import COLOURS, Experiment, band, experiment, mean_with_interval, means_with_intervals, shown

SPEND, TOKENS, TRAFFIC = [0.40, 0.27, 0.21], [0.284, 0.247, 0.154, 0.108], [0.867]
GAP_BEFORE, FIRST_AFTER = 0.119, 0.645
REVENUE, RESEARCH, SALES = 4.3, 6.7, 2.0
SHARE, RETURN = RESEARCH / (RESEARCH + SALES), REVENUE / (RESEARCH + SALES)
FIRMS, HALF, YEAR, END = 10, 2, 4, 20
SCENARIO = Scenario.load("foundation-models-2025")
PATTERNS = {  # published, low and high end, source
    "consumers: share of the first, half a year": ("0.748 (interpolated)", 0.748, 0.748, "web traffic, secondary"),
    "consumers: share of the first, a year": ("0.645", 0.645, 0.645, "web traffic, secondary"),
    "consumers: HHI, a year": ("4,650", 4650.0, 4650.0, "web traffic, secondary"),
    "API: HHI, half a year": ("1,770 to 2,790", 1770.0, 2790.0, "shares by tokens and by spend"),
    "API: HHI, a year": ("1,770 to 2,790", 1770.0, 2790.0, "shares by tokens and by spend"),
    "API: gap of the first to the tenth, a year": ("0.054", 0.054, 0.054, "AI Index 2025"),
    "API: open-weight lag in quarters, two years": ("1.17 (0.37 to 1.77)", 0.37, 1.77, "Epoch AI"),
    "API: best model changes, share of quarters": ("held 35 days: 0.9 to 1", 0.9, 1.0, "leaderboards, secondary"),
    "return of the first, half a year": ("below 1", 0.0, 1.0, "plans of a leading firm, secondary"),
    "return of the first, three years": ("below 1", 0.0, 1.0, "plans of a leading firm, secondary"),
    "return of the first, five years": ("above 1", 1.0, np.inf, "plans of a leading firm, secondary"),
    "cost of staying in, a year over the start": ("2.4 (2.0 to 2.9)", 2.0, 2.9, "training, Epoch AI"),
}
VARIANTS = {
    "the frontier stands still": {"frontier_growth": 0.0},
    "releases at every step": {"release_odds": 1.0},
    "sectors alike": {f"sectors.{name}.{key}": value for name in ("consumer", "api")
                      for key, value in (("network_effect", 0.5), ("churn", 0.2))},
}  # fmt: skip
SOUGHT = """
scenario = "foundation-models-2025"
[parameters]
"sectors.consumer.network_effect" = {{low = 0.0, high = 1.2}}
"sectors.api.network_effect" = {{low = 0.0, high = 1.2}}
frontier_growth = {{low = 0.01, high = 0.4, scale = "log"}}
spillover = {{low = 0.005, high = 1.0, scale = "log"}}
heterogeneity = {{low = 0.02, high = 0.8, scale = "log"}}
[targets]
"sectors.consumer.hhi" = {{value = 4650, error = 500}}
"sectors.api.hhi" = {{value = 2270, error = 300}}
"sectors.api.best_quality_changed" = {{value = 0.95, error = 0.05}}
weighted_R = {{value = 0.7, error = 0.2}}
[search]
seeds = {seeds}
budget = {budget}
"""


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


def firm_table(**published: list[float]) -> pd.DataFrame:
    """Ten firms in each sector in falling order of share and of technology; the tenth's technology is 1, the baseline.

    Q is T: all that there is has been shipped. P is such that the return is the published one at the start.
    """
    tables, w, weights = [], SCENARIO.variable_cost_share, {each.name: each.demand_share for each in SCENARIO.sectors}
    for sector, shares in published.items():
        quality = np.linspace(1.0 + GAP_BEFORE, 1.0, FIRMS)
        customers = SCENARIO.initial_firms * weights[sector] * all_shares(shares)
        demand = customers / (1.0 - w + w * customers)
        cost = 1.0 + SCENARIO.technology_cost * 2.0 * SHARE * (quality - 1.0)
        tables.append(pd.DataFrame({
            "name": [f"{sector} {place}" for place in range(1, FIRMS + 1)], "sector": sector,
            "strategy": ["closed", "closed", "closed", "open_weight", "closed"] * 2, "theta": SHARE,
            "T": quality, "Q": quality, "R": RETURN, "P": RETURN * cost / demand, "B": customers,
        }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def lag_of(api: pd.DataFrame, frontier: np.ndarray) -> float:
    """How many quarters before the end of the second year the best closed firm had what the best open one then has."""
    early = api[api["step"] <= 2 * YEAR]
    best = (early["Q"] * frontier[early["step"]]).groupby([early["strategy"], early["step"]]).max()
    if not {"closed", "open_weight"} <= set(best.index.get_level_values(0)) or 2 * YEAR not in best["open_weight"]:
        return np.nan
    behind = best["closed"][best["closed"] <= best["open_weight"][2 * YEAR]]
    return 2.0 * YEAR - behind.index.max() if len(behind) else 2.0 * YEAR


def numbers(scenario: Scenario, table: pd.DataFrame, seed: int) -> tuple[dict[str, float], np.ndarray]:
    """The patterns of one run, and by quarter the share of the consumers' first and the HHI of the API market."""
    result = simulate(scenario, seed, firms=table, panel=1, collect="light")
    panel, by_sector = result.panel, result.sectors.set_index(["sector", "step"])
    api = panel[panel["sector"] == "api"]
    frontier = np.concatenate([[1.0], result.steps["frontier"].to_numpy()])
    first = panel[panel["id"] == 0].set_index("step")["R"]  # the consumers' first of the start
    ranked = api[api["step"] == YEAR]["Q"].sort_values(ascending=False).to_numpy()
    mean_T = panel.groupby(["sector", "step"])["T"].mean()["api"]
    consumer, market = by_sector.loc["consumer"], by_sector.loc["api"]
    found = (
        consumer["top_share"][HALF], consumer["top_share"][YEAR], consumer["hhi"][YEAR], market["hhi"][HALF],
        market["hhi"][YEAR], ranked[0] / ranked[min(FIRMS, len(ranked)) - 1] - 1.0, lag_of(api, frontier),
        market["best_quality_changed"].iloc[1:].mean(), first.get(HALF, np.nan), first.get(3 * YEAR, np.nan),
        first.get(END, np.nan), (mean_T[YEAR] / mean_T[0]) ** scenario.frontier_cost,
    )  # fmt: skip
    start = table[table["sector"] == "api"]["B"].to_numpy()
    paths = np.array([
        [TRAFFIC[0], *consumer["top_share"]], [hhi(start / start.sum()), *market["hhi"]],
    ])  # fmt: skip
    return dict(zip(PATTERNS, map(float, found))), paths


def measured(scenario: Scenario, table: pd.DataFrame, count: int) -> tuple[dict[str, tuple], np.ndarray]:
    """Means and intervals of all patterns, and the paths of all runs."""
    pairs = [numbers(scenario, table, seed) for seed in range(count)]
    frame = pd.DataFrame([found for found, _ in pairs])
    return {name: mean_with_interval(frame[name]) for name in PATTERNS}, np.array([paths for _, paths in pairs])


def verdict(name: str, mean: float, low: float, high: float) -> str:
    """What a mean and its interval say beside the published figure."""
    _, least, most, _ = PATTERNS[name]
    if not np.isfinite([mean, low, high]).all():
        return "not measured"
    if least <= mean <= most or (least == most and low <= least <= high):
        return "right"
    return "unclear" if low <= most and high >= least else "wrong"


def plot(paths: dict[str, np.ndarray]) -> Figure:
    """The first consumer firm's share and the concentration of the API market, by quarter."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, own), colour, line in zip(paths.items(), COLOURS, ("-", "--", "-.", ":", (0, (3, 1, 1, 1)))):
        for axes, place in ((left, 0), (right, 1)):
            ends = np.array(means_with_intervals(own[:, place]))
            band(axes, np.arange(own.shape[2]), ends, colour, linestyle=line, label=name)
    left.plot([0, YEAR], [TRAFFIC[0], FIRST_AFTER], "k*", markersize=10, label="published", zorder=5)
    left.set(xlabel="quarters", ylabel="share of the largest firm, consumers", ylim=(0, 1), xticks=range(0, END + 1, 4))
    right.axhspan(1770, 2790, color="0.9", label="published range")
    right.set(xlabel="quarters", ylabel="HHI of the API market", ylim=(0, None), xticks=range(0, END + 1, 4))
    left.legend(frameon=False, fontsize=8, title="bands: 95 % intervals of means", title_fontsize=8)
    right.legend(frameon=False, fontsize=8)
    return figure


def answers(out: Experiment, table: pd.DataFrame) -> None:
    """Name what is right and what wrong at the main start."""
    own = table[table["start"] == "by spend"]
    for said in ("right", "unclear", "wrong"):
        rows = own[own["verdict"] == said]
        cells = (f"{row['pattern']} {shown(row['mean'], row['low'], row['high'])}, published {row['published']}"
                 for _, row in rows.iterrows())  # fmt: skip
        out.answer(f"{len(rows)} of {len(own)} patterns {said}: {'; '.join(cells) or 'none'}.")


def main() -> None:
    """Run the starts and variants, hold them against the patterns, and ask the search what it can mend."""
    with experiment(__doc__, "foundation_models_2025") as out:
        count, seeds, budget = out.runs(100, 4), out.runs(10, 2), out.runs(120, 8)
        spend, tokens = (firm_table(consumer=TRAFFIC, api=shares) for shares in (SPEND, TOKENS))
        starts = {"by spend": (SCENARIO, spend), "by tokens": (SCENARIO, tokens)}
        starts |= {name: (SCENARIO.replace(**changes), spend) for name, changes in VARIANTS.items()}
        said, paths = {}, {}
        for name, (scenario, table) in starts.items():
            said[name], paths[name] = measured(scenario, table, count)
        rows = [
            {"start": start, "pattern": name, "mean": mean, "low": low, "high": high, "published": PATTERNS[name][0],
             "verdict": verdict(name, mean, low, high), "source": PATTERNS[name][3]}
            for start, own in said.items() for name, (mean, low, high) in own.items()
        ]  # fmt: skip
        table = pd.DataFrame(rows)
        answers(out, table)
        spec = Specification.from_toml(SOUGHT.format(seeds=seeds, budget=budget))
        found = calibrated(spec)
        fit = found.fit.assign(before=Markets(spec).of({}, list(range(count))).mean(axis=0))
        fit["nearer"] = (fit["fit"] - fit["value"]).abs() < (fit["before"] - fit["value"]).abs()
        for way, targets in (("nearer", fit[fit["nearer"]]), ("no nearer", fit[~fit["nearer"]])):
            cells = "; ".join(f"{row['target']} from {row['before']:.3g} to {row['fit']:.3g}, wanted {row['value']:.3g}"
                              for _, row in targets.iterrows())  # fmt: skip
            out.answer(f"What the calibration brings {way}, all together, from firms drawn at random, in the fifth "
                       f"year: {cells or 'nothing'}.")  # fmt: skip
        out.text(
            f"{count} runs a start, the same seeds. The start is the date of the firm table: the patterns of half a "
            "year are half a year ahead of it. Between the two published shares of the consumers' first the half year "
            "is interpolated. Entrants count as firms. The frontier doubles in a year by choice (1/(1 − 0.16)⁴), so "
            "that the price of constant capability would fall to 2^−a of it; the published falls, to 1/9 to 1/900 a "
            "year, have no place in the model."
        )
        out.picture("figures", plot(paths), "Consumers' first, and the API market")
        out.table("measures", table, "Patterns")
        out.table("calibration", fit, "What the calibration brings nearer")
        out.table("estimates", found.estimates)
        out.table("firms", spend, "The firm table by spend")


if __name__ == "__main__":
    main()
