"""What does each sector select for: which strategy, which weight of technology, which traits?

The article's §3.4 names four sectors and §6 three applications of today and three to come; the scenarios `four-sectors`
and `applications` give each an elasticity of demand to competitiveness (γ) and to quality (τ). All strategies start
with the same share in every sector, so what differs between sectors at the end is what they select for:

1. the strategy with the largest mean share of a sector's customers over the last fourth of the run;
2. θ, the technology weight, of the average customer's firm at the end, less the same at the start;
3. the traits that firms are born with, among those alive at the end: mean of ln(trait / median at the start), 0 without
   selection. T0 is also lifted by the catching up of entrants, which is no selection.

If sectors select for what their customers value, θ rises with τ − γ and C0 falls: the slopes over a scenario's
sectors are taken in each run. Each scenario is one sweep; intervals are 95 % over runs.

    python -m experiments.sectors [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario
from experiments.common import (
    COLOURS,
    Experiment,
    cited,
    experiment,
    mean_with_interval,
    named,
    share_with_interval,
    shown,
    swept,
)  # fmt: skip

SCENARIOS = {"four-sectors": "§3.4", "applications": "§6"}
TRAITS = ("T0", "C0", "R0", "k1", "k2", "k3")
COLUMNS = ["sector", "replication"]


def runs_of(scenario: Scenario, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares of the strategies, and θ and traits, by sector and run.

    Parameters
    ----------
    scenario : Scenario
    count : int
        Runs.

    Returns
    -------
    shares : DataFrame
        Mean share of a sector's customers over the last fourth, a column a strategy.
    traits : DataFrame
        θ of the average customer's firm at the end less that at the start, and the mean ln(trait / median) of
        living firms.
    """
    steps = scenario.steps
    text = f"""
        replications = {{count = {count}}}
        collect = {{steps = 10, firms = true, panel = {steps}}}"""
    with swept(scenario, text) as results:
        names = [f"share_{each.name}" for each in scenario.strategies]
        kept = results.read("sectors", ["step", "sector", *names])
        firms = results.read("firms", ["sector", "theta", "B", *TRAITS])
        start = results.read("panel", ["step", "sector", "theta", "B"])
    shares = kept[kept["step"] > steps - steps // 4].groupby(COLUMNS)[names].mean()
    shares.columns = [each.name for each in scenario.strategies]
    firms["bought"] = firms["theta"] * firms["B"]
    sums = firms.groupby(COLUMNS)[["B", "bought"]].sum()
    first = start[start["step"] == 0]  # where all have the same number of customers
    traits = pd.DataFrame({"theta": sums["bought"] / sums["B"] - first.groupby(COLUMNS)["theta"].mean()})
    for name in TRAITS:
        traits[name] = np.log(firms[name] / getattr(scenario, name)).groupby([firms[each] for each in COLUMNS]).mean()
    return shares, traits


def summary(scenario: Scenario, shares: pd.DataFrame, traits: pd.DataFrame) -> pd.DataFrame:
    """A row a sector: the strategy that wins most often, the change of θ, and each trait."""
    rows = []
    for sector in scenario.sectors:
        own, born = shares.loc[sector.name], traits.loc[sector.name]
        winners = own.idxmax(axis=1)
        best = winners.value_counts().index[0]
        row = {"scenario": scenario.name, "sector": sector.name, "γ": sector.competitiveness_elasticity}
        row |= {"τ": sector.quality_elasticity, "winner": best}
        row |= named("wins", share_with_interval(winners == best)) | named("θ", mean_with_interval(born["theta"]))
        row |= {f"share of {name}": shown(*mean_with_interval(own[name])) for name in own}
        for name in TRAITS:
            row |= named(name, mean_with_interval(born[name]))
        rows.append(row)
    return pd.DataFrame(rows)


def slopes(scenario: Scenario, traits: pd.DataFrame) -> pd.DataFrame:
    """The slope of each change on τ − γ over the sectors, taken in each run: mean and interval."""
    lean = pd.Series({x.name: x.quality_elasticity - x.competitiveness_elasticity for x in scenario.sectors})
    lean = lean - lean.mean()
    rows = []
    for name in traits:
        each = traits[name].unstack("sector")[lean.index].to_numpy() @ lean.to_numpy() / (lean**2).sum()
        ends = dict(zip(("slope", "low", "high"), mean_with_interval(each)))
        rows.append({"scenario": scenario.name, "change of": "θ" if name == "theta" else f"ln {name}", **ends})
    return pd.DataFrame(rows)


def share_table(scenario: Scenario, shares: pd.DataFrame) -> pd.DataFrame:
    """A row a sector and strategy: its mean share of the sector's customers."""
    rows = [(scenario.name, each.name, name, *mean_with_interval(shares.loc[each.name, name]))
            for each in scenario.sectors for name in shares]  # fmt: skip
    return pd.DataFrame(rows, columns=["scenario", "sector", "strategy", "share", "low", "high"])


def share_picture(tables: dict[str, pd.DataFrame], shares: pd.DataFrame) -> Figure:
    """Which share of each sector's customers the strategies have."""
    figure = Figure(figsize=(9.6, 4.8), layout="constrained")
    axes, table = figure.subplots(), pd.concat(tables.values())
    heights = -np.arange(len(table))
    axes.axvline(0.2, color="0.7", linewidth=1)
    for place, (name, own) in enumerate(shares.groupby("strategy", sort=False)):
        middle, low, high = (own[each].to_numpy() for each in ("share", "low", "high"))
        axes.errorbar(middle, heights - 0.12 * (place - 2), xerr=[middle - low, high - middle], fmt="os^Dv"[place],
                      color=COLOURS[place], markersize=5, capsize=2, label=name.replace("_", " "))  # fmt: skip
    axes.axhline(0.5 - len(tables["four-sectors"]), color="0.3", linewidth=1)
    axes.set_yticks(heights, labels_of(table))
    axes.set_xlabel("share of the sector's customers over the last fourth (0.2 each at the start; 95 % intervals)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False)
    return figure


def labels_of(table: pd.DataFrame) -> list[str]:
    """Names of sectors with their elasticities."""
    rows = table[["sector", "γ", "τ"]].to_numpy()
    return [f"{name.replace('_', ' ')} ({gamma:g}, {tau:g})" for name, gamma, tau in rows]


def trait_picture(tables: dict[str, pd.DataFrame]) -> Figure:
    """How θ and the traits at the end differ from the start, by τ − γ of the sector."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    theta, rest = figure.subplots(1, 2, width_ratios=(1, 1.3))
    for (name, table), colour, mark in zip(tables.items(), COLOURS, "os"):
        errors = [table["θ"] - table["θ low"], table["θ high"] - table["θ"]]
        lean, text = table["τ"] - table["γ"], f"{name} ({SCENARIOS[name]})"
        theta.errorbar(lean, table["θ"], yerr=errors, fmt=mark, color=colour, capsize=2, markersize=5, label=text)
    theta.axhline(0.0, color="0.7", linewidth=1)
    theta.set(xlabel="τ − γ: how much more customers heed quality", ylabel="change of the average customer's θ")
    theta.legend(frameon=False, fontsize=9)
    table = tables["four-sectors"]
    for place, ((_, row), colour, mark) in enumerate(zip(table.iterrows(), COLOURS, "os^D")):
        middle, low, high = (np.array([row[f"{name}{end}"] for name in TRAITS]) for end in ("", " low", " high"))
        across = np.arange(len(TRAITS)) + 0.12 * (place - 1.5)
        rest.errorbar(across, middle, yerr=[middle - low, high - middle], fmt=mark, color=colour, capsize=2,
                      markersize=4, label=row["sector"].replace("_", " "))  # fmt: skip
    rest.axhline(0.0, color="0.7", linewidth=1)
    rest.set_xticks(np.arange(len(TRAITS)), TRAITS)
    rest.set(xlabel="trait of firms alive at the end (four-sectors)", ylabel="mean ln(trait / median at the start)")
    rest.legend(frameon=False, fontsize=9)
    return figure


def answers(out: Experiment, tables: dict[str, pd.DataFrame], slope: pd.DataFrame) -> None:
    """Report what the runs show."""

    def slope_in_words(change: str) -> tuple[str, pd.DataFrame]:
        rows = slope[slope["change of"] == change].set_index("scenario")[["slope", "low", "high"]]
        return " and by ".join(f"{shown(*rows.loc[name])} in {name}" for name in SCENARIOS), rows

    text, rows = slope_in_words("θ")
    out.answer(
        "Sectors select for the side that their customers heed: where τ − γ is higher by 1, the technology weight θ of "
        f"the average customer's firm rises more, by {text}.", bool((rows["low"] > 0.0).all()))  # fmt: skip
    text, rows = slope_in_words("ln C0")
    out.answer(
        "Where customers heed quality, inborn competitiveness is selected less: where τ − γ is higher by 1, ln C0 of "
        f"living firms rises less, by {text}.", bool((rows["high"] < 0.0).all()))  # fmt: skip
    for name, table in tables.items():
        texts = [f"{row['sector']} {row['winner']} ({cited(row, 'wins', 2)}, θ {cited(row, 'θ', 2)})"
                 for _, row in table.iterrows()]  # fmt: skip
        out.answer(
            f"Most frequent winners in {name} ({SCENARIOS[name]}), with their share of runs and the change of θ: "
            f"{'; '.join(texts)}."
        )
    table = pd.concat(tables.values())
    lean = table.iloc[(table["τ"] - table["γ"]).argmin()]
    out.answer(
        f"The sector that heeds competitiveness most, {lean['sector']}, lowers θ below that of the start: by "
        f"{cited(lean, 'θ')}; market_first wins most often in {(table['winner'] == 'market_first').sum()} of "
        f"{len(table)} sectors.", bool(lean["θ high"] < 0.0))  # fmt: skip
    clear = list(table["sector"][table["wins low"] > 0.5])
    out.answer(
        f"Each sector has one strategy that wins most runs (surely so in {len(clear)} of {len(table)}"
        f"{': ' if clear else ''}{', '.join(clear)}).", len(clear) == len(table))  # fmt: skip


def main() -> None:
    """Run both scenarios, then write the tables, the pictures and what they say."""
    with experiment(__doc__, "sectors") as out:
        tables, slope, parts = {}, [], []
        for name in SCENARIOS:
            scenario = Scenario.load(name).replace(steps=out.runs(400, 120))
            shares, traits = runs_of(scenario, out.runs(200, 5))
            tables[name] = summary(scenario, shares, traits)
            slope.append(slopes(scenario, traits))
            parts.append(share_table(scenario, shares))
        slope, parts = pd.concat(slope), pd.concat(parts)
        answers(out, tables, slope)
        table = pd.concat(tables.values())
        out.picture("shares", share_picture(tables, parts), "Shares of the strategies by sector (γ, τ)")
        out.table("shares", parts)
        out.picture("traits", trait_picture(tables), "Technology weight and traits at the end less the start")
        shares = [each for each in table if each.startswith("share of ")]
        out.text(
            "θ moves in three ways: strategies gain and lose customers, adaptive and imitative firms change theirs, "
            "and firms fail and enter. No strategy differs in ω. T0 is lifted by the catching up of entrants too."
        )
        head = ["scenario", "sector", "γ", "τ", "winner", "wins", "wins low", "wins high"]
        out.table("strategies", table[[*head, *shares]], "Strategies by sector")
        changes = [f"{name}{end}" for name in ("θ", *TRAITS) for end in ("", " low", " high")]
        out.table("slopes", slope, "Slopes of the changes on τ − γ over the sectors of a run")
        out.table("changes", table[["scenario", "sector", *changes]], "Changes from the start (mean and interval)")


if __name__ == "__main__":
    main()
