"""Which stylised facts of industries does the market reproduce, and which does it miss?

The article says nothing of them; they test what its mechanisms (§2, §3) and those beyond it add up to. A step is a
quarter. Growth is ln of size over size a year before, less the sector's mean of the year; size is a firm's customers
B, beside it its yearly revenue B·P, over the sector's mean. The literature's facts are of firms that continue, so the
verdicts are on firms of five years and more; the same of all firms, many of which are entrants that soon fail, stands
beside them. The last three fourths of a run count. The slopes of growth are of one regression on both years before, by
least absolute deviations. Returns are those of firms of ten years and more.

A shakeout is a peak of the number of firms of at least twice the start, at step 40 to 100, of whose firms at most half
are left in the last fourth; a market that starts with more than half of its slots filled cannot have one.

A fact is met if the mean over runs lies in the known range, missed if its whole 95 % interval lies outside, else
unclear. A range marked "chosen" is this script's around a single known value; what is marked "unchecked" is from
memory, not from its source, and gets no verdict; nor does the exponent of the size tail, which a market of a few
hundred firms does not identify: it is Hill's over the largest tenth of all runs' firms, pooled after rescaling,
resampled by runs. The scenario `stylised` was chosen by trial to meet these facts, so that its rows are no evidence;
what its mechanisms carry is said by the table in which each is off by itself.

    python -m experiments.stylised_facts [--quick] [--out DIR]
"""

import os
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from abm import Scenario
from experiments.common import Experiment, experiment, mean_with_interval, share_with_interval, shown
from experiments.estimators import (
    hill,
    least_absolute,
    persistence,
    skewness,
    spreads_by_size,
    subbotin_fit,
    volatility_slope,
)
from experiments.stylised_picture import EDGES, plot
from experiments.yearly import SETTLED, YEAR, Growth, Industry, at_risk, excess_returns, growth_of, observe

LEAST, BINS, LAST_AGE = 100, 20, 80
NAMES = ("one-market", "four-sectors", "shakeout", "stylised")
FACTS = {  # known value, low and high end of what meets it, source
    "growth: Subbotin b": ("1, Laplace (chosen: 0.8 to 1.2)", 0.8, 1.2, "Bottazzi & Secchi 2006; Fu et al. 2005"),
    "growth: skewness": ("about 0 (chosen: −0.5 to 0.5)", -0.5, 0.5, "Bottazzi & Secchi 2006"),
    "growth: sd of a year": ("0.1 to 0.4 (unchecked)", None, None, "from memory, unchecked"),
    "size–volatility: β": ("0.14 to 0.2", 0.14, 0.2, "Pammolli et al. 2008"),
    "growth on growth 1 year before": ("about 0 (chosen: −0.2 to 0.2)", -0.2, 0.2, "Coad 2007"),
    "growth on growth 2 years before": ("about 0 (chosen: −0.2 to 0.2)", -0.2, 0.2, "Coad 2007"),
    "Chesher: log size on log size a year before": ("1, Gibrat (chosen: 0.95 to 1.05)", 0.95, 1.05, "–"),
    "shakeout: share of runs": ("the rule (chosen: above 0.5)", 0.5, 1.0, "Klepper & Simons"),
    "shakeout: firms in the last fourth / at the peak": ("at most 0.5", 0.0, 0.5, "Klepper & Simons"),
    "shakeout: step of the peak": ("10 to 25 years: 40 to 100", 40.0, 100.0, "Klepper & Simons"),
    "churn: entry + exit a year": ("about 0.2 (chosen: 0.15 to 0.25)", 0.15, 0.25, "Bartelsman et al. 2005"),
    "entrants that fail in 2 years": ("0.2 to 0.4", 0.2, 0.4, "Bartelsman et al. 2005"),
    "returns: AR(1) of yearly means": ("0.4 to 0.5 (unchecked)", None, None, "from memory, unchecked"),
    "returns: the same within firms, corrected": ("0.4 to 0.5 (unchecked)", None, None, "from memory, unchecked"),
    "returns: of years' last steps within firms, corrected": (
        "0.4 to 0.5 (unchecked)",
        None,
        None,
        "from memory, unchecked",
    ),
    "returns: revenue / cost of all firms": ("a little above 1 (unchecked)", None, None, "from memory, unchecked"),
    "leader changes a step": ("no number", None, None, "Sutton 2007"),
    "leader stays 2 years / Markov": ("1 = Markov; no number", None, None, "Sutton 2007"),
    "rank: Kendall τ over a fourth of the run": ("no number", None, None, "Sutton 2007"),
    "size tail: exponent (pooled)": ("1.06; not identifiable", None, None, "Axtell 2001"),
}
OF_GROWTH = tuple(FACTS)[:7]
BY_SAMPLE = {"": ("customers", SETTLED), "by revenue": ("revenue", SETTLED), "all firms": ("customers", YEAR)}
SHOULDERS = {"left shoulder": (-4.0, -2.0), "middle": (-1.0, 1.0), "right shoulder": (2.0, 4.5)}  # sd of growth
OFF = {  # the scenario `stylised` with a mechanism off
    "demand_noise": {"demand_noise": 0.0}, "demand_noise_odds": {"demand_noise_odds": 1.0},
    "size_dependence": {"size_dependence": 0.0}, "frontier_cost": {"frontier_cost": 0.0},
    "return_noise": {"return_noise": 0.0}, "all": {"demand_noise": 0.0, "frontier_cost": 0.0, "return_noise": 0.0},
}  # fmt: skip


class Seen(NamedTuple):
    """What is kept of a run: its facts by sample, and what is pooled or drawn."""

    facts: dict[str, dict[str, float]]
    sizes: np.ndarray  # at the end, over the sector's mean
    histogram: np.ndarray  # of growth in units of its standard deviation
    spreads: np.ndarray  # ln size and ln sd by bin
    firms: np.ndarray  # by step
    at_risk: np.ndarray  # by age: entrants, and those that leave


def growth_facts(growth: Growth) -> dict[str, float]:
    """The facts of growth of one sample, NaN where it is too small."""
    found, known = dict.fromkeys(OF_GROWTH, np.nan), np.isfinite(growth.growth)
    chained = known[2:] & known[1:-1] & known[:-2]
    if chained.sum() < LEAST:
        return found
    values, before, after = growth.growth[known], growth.size_before[known], growth.size[known]
    lags = np.column_stack([growth.growth[1:-1][chained], growth.growth[:-2][chained]])
    first, second = least_absolute(lags, growth.growth[2:][chained])
    slope = np.polyfit(np.log(before), np.log(after), 1)[0]
    volatility = volatility_slope(before, values, BINS)
    numbers = (subbotin_fit(values), skewness(values), values.std(), volatility, first, second, slope)
    return dict(zip(OF_GROWTH, map(float, numbers)))


def starts_full(scenario: Scenario) -> bool:
    """Whether a market cannot have twice as many firms as at its start."""
    return 2 * scenario.initial_firms > scenario.capacity


def run_facts(industry: Industry) -> dict[str, float]:
    """The facts of one run that are not of growth."""
    result, found = industry.result, {}
    scenario, outcomes = result.scenario, result.outcomes
    ratio = outcomes["firms"] / outcomes["peak_firms"]
    strict = (
        outcomes["peak_firms"] >= 2 * scenario.initial_firms and 40 <= outcomes["peak_step"] <= 100 and ratio <= 0.5
    )
    if not starts_full(scenario):
        found["shakeout: share of runs"] = float(strict)
        found["shakeout: firms in the last fourth / at the peak"] = ratio
        found["shakeout: step of the peak"] = float(outcomes["peak_step"])
    found["churn: entry + exit a year"] = YEAR * outcomes["turnover_rate"]
    early = (industry.entry > 0) & (industry.entry <= scenario.steps - 2 * YEAR)
    if early.sum() >= 50:
        found["entrants that fail in 2 years"] = float(((industry.exit - industry.entry)[early] <= 2 * YEAR).mean())
    raw, corrected = persistence(excess_returns(industry))
    found["returns: AR(1) of yearly means"] = raw
    found["returns: the same within firms, corrected"] = corrected
    found["returns: of years' last steps within firms, corrected"] = persistence(
        excess_returns(industry, "last_return")
    )[1]
    found["returns: revenue / cost of all firms"] = np.nanmean(industry.margin[3 * len(industry.margin) // 4 :])
    changed = result.steps["leader_changed"].iloc[scenario.steps // 4 :]
    found["leader changes a step"] = hazard = changed.mean()
    stays = (changed.rolling(2 * YEAR).sum().dropna() == 0).mean()
    found["leader stays 2 years / Markov"] = stays / (1.0 - hazard) ** (2 * YEAR) if hazard < 1.0 else np.nan
    found["rank: Kendall τ over a fourth of the run"] = outcomes["rank_tau"]
    return found


def seen(run: tuple[Scenario, int]) -> Seen:
    """One run of a scenario with a seed."""
    industry = observe(*run)
    samples = {name: growth_of(industry, *sample) for name, sample in BY_SAMPLE.items()}
    facts = {name: growth_facts(growth) for name, growth in samples.items()}
    facts[""] |= run_facts(industry)
    growth, last = samples[""], growth_of(industry, "customers", 0).size[-1]
    known = np.isfinite(growth.growth)
    values = growth.growth[known]
    spreads = np.full((2, BINS), np.nan)
    if len(values) >= LEAST:
        spreads = np.array(spreads_by_size(growth.size_before[known], values, BINS))
    histogram = np.histogram(values / values.std() if len(values) else values, EDGES)[0]
    return Seen(facts, last[last > 0.0], histogram, spreads, industry.firms, np.array(at_risk(industry, LAST_AGE)))


def with_interval(fact: str, values: np.ndarray, sizes: list[np.ndarray]) -> tuple[float, float, float]:
    """A fact over runs, and its 95 % interval."""
    if fact.startswith("size tail"):
        rng = np.random.default_rng(1)
        drawn = [hill([sizes[k] for k in rng.integers(len(sizes), size=len(sizes))]) for _ in range(200)]
        return hill(sizes), *np.quantile(drawn, [0.025, 0.975])
    if fact.endswith("share of runs") and np.isfinite(values).all():
        return share_with_interval(values > 0.0)
    return mean_with_interval(values)


def verdict_on(fact: str, scenario: Scenario, value: float, low: float, high: float) -> str:
    """What a number and its interval say beside the known range."""
    _, least, most, _ = FACTS[fact]
    if fact.startswith("shakeout") and starts_full(scenario):
        return "not applicable"
    if not np.isfinite([value, low, high]).all():
        return "not measured"
    if least is None:
        return "no verdict"
    if least <= value <= most:
        return "met"
    return "missed" if high < least or low > most else "unclear"


def rows_of(scenario: Scenario, runs: list[Seen]) -> list[dict[str, Any]]:
    """The table's rows of one scenario."""
    rows, sizes = [], [run.sizes for run in runs]
    for fact, (known, _, _, source) in FACTS.items():
        by_sample = {
            sample: with_interval(fact, np.array([run.facts[sample].get(fact, np.nan) for run in runs]), sizes)
            for sample in BY_SAMPLE
            if not sample or fact in OF_GROWTH
        }
        value, low, high = by_sample[""]
        others = {f"{sample}": by_sample[sample][0] if sample in by_sample else "" for sample in list(BY_SAMPLE)[1:]}
        verdict = verdict_on(fact, scenario, value, low, high)
        none = {} if np.isfinite([value, low, high]).all() else dict.fromkeys(("measured", "low", "high"), "")
        numbers = {"measured": value, "low": low, "high": high} | none | others
        rows.append(
            {"scenario": scenario.name, "fact": fact} | numbers | {"known": known, "verdict": verdict, "source": source}
        )
    return rows


def ablation(base: list[dict[str, Any]], variants: dict[str, list[dict[str, Any]]]) -> pd.DataFrame:
    """Facts in the columns' scenarios: with all mechanisms, then with each off."""
    table = pd.DataFrame({"fact": list(FACTS), "all on": [row["measured"] for row in base]})
    for name, rows in variants.items():
        table[f"without {name}"] = [row["measured"] for row in rows]
    met = ["met"] + [sum(row["verdict"] == "met" for row in rows) for rows in (base, *variants.values())]
    table.loc[len(table)] = met
    return table


def hazards(runs: list[Seen]) -> pd.DataFrame:
    """Odds to leave within a year, by age, of all runs' entrants."""
    alive, left = np.sum([run.at_risk for run in runs], axis=0)
    rows = []
    for first, last in ((0, 2), (2, 5), (5, 10), (10, 20)):
        ages = slice(first * YEAR, last * YEAR)
        rows.append(
            {
                "years of age": f"{first} to {last}",
                "odds to leave in a year": 1.0 - (1.0 - left[ages].sum() / alive[ages].sum()) ** YEAR,
            }
        )
    return pd.DataFrame(rows)


def shoulders(scenario: Scenario, seeds: range) -> pd.DataFrame:
    """Who the firms of each part of the density of growth are: medians, and what share leaves within five years."""
    tables = []
    for seed in seeds:
        industry = observe(scenario, seed)
        growth = growth_of(industry, "customers", SETTLED)
        known = np.isfinite(growth.growth)
        years, slots = np.nonzero(known)
        last = years + len(industry.age) - len(growth.growth)
        exits = industry.exit[industry.firm[last, slots].astype(int)]
        found = {
            "age in steps": industry.age[last, slots],
            "size a year before, over the mean": growth.size_before[known],
            "R": industry.last_return[last, slots],
            "leave within five years": exits <= YEAR * (last + 1) + SETTLED,
        }
        tables.append(pd.DataFrame(found, index=growth.growth[known] / growth.growth[known].std()))
    firms = pd.concat(tables)
    rows = []
    for part, (low, high) in SHOULDERS.items():
        own = firms[(firms.index >= low) & (firms.index < high)]
        row = {"part": part, "growth from": low, "to": high, "firms and years": len(own)}
        rows.append(row | own.median().to_dict() | {own.columns[-1]: own.iloc[:, -1].mean()})
    return pd.DataFrame(rows)


def answers(out: Experiment, table: pd.DataFrame) -> None:
    """Count and name what is met and missed."""
    for name, own in table.groupby("scenario", sort=False):
        met, missed = (own[own["verdict"] == verdict] for verdict in ("met", "missed"))
        misses = [f"{row['fact']} {shown(row['measured'], row['low'], row['high'])}" for _, row in missed.iterrows()]
        out.answer(
            f"{name}: {len(met)} met ({', '.join(met['fact']) or 'none'}), {len(missed)} missed "
            f"({'; '.join(misses) or 'none'}), {(own['verdict'] == 'unclear').sum()} unclear."
        )


def main() -> None:
    """Run all scenarios, then write the tables, the picture and what they say."""
    with experiment(__doc__, "stylised_facts") as out, ProcessPoolExecutor(os.cpu_count()) as workers:
        count, few = out.runs(200, 3), out.runs(40, 2)
        scenarios = [Scenario.load(name) for name in NAMES]
        if out.quick:
            scenarios = [each.replace(steps=160) for each in scenarios]

        def runs_of(scenario: Scenario, count: int) -> list[Seen]:
            return list(workers.map(seen, [(scenario, seed) for seed in range(count)], chunksize=max(count // 20, 1)))

        runs = {scenario.name: runs_of(scenario, count) for scenario in scenarios}
        table = pd.DataFrame([row for scenario in scenarios for row in rows_of(scenario, runs[scenario.name])])
        answers(out, table)
        stylised = scenarios[-1]
        variants = {name: rows_of(stylised, runs_of(stylised.replace(**changes), few)) for name, changes in OFF.items()}
        base = rows_of(stylised, runs["stylised"][:few])
        out.text(f"{count} runs a scenario, the same seeds in all; intervals over runs.")
        out.picture("facts", plot({name: runs[name] for name in ("one-market", "stylised")}), "Four of the facts")
        out.text(
            "The shoulders of one-market's growth are its young firms: those of the left one are small and soon leave, "
            "those of the right one have just taken off."
        )
        seeds = range(out.runs(6, 2))
        title = f"Firms of one-market by their growth, in standard deviations of its run ({len(seeds)} runs)"
        out.table("shoulders", shoulders(scenarios[0], seeds), title)
        out.table("facts", table, "Stylised facts")
        out.table("ablation", ablation(base, variants), f"What each mechanism of `stylised` carries ({few} runs each)")
        out.table("hazards", hazards(runs["stylised"]), "Entrants of `stylised` that leave, by age")


if __name__ == "__main__":
    main()
