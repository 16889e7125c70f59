"""Where does the virtuous circle begin, and which of the six concepts carries it?

The article's §4 makes technology T, competitiveness C and return R feed each other; §2 names six concepts around them.
A market of one sector and balanced firms starts at T, C and R of 1 + x times the baselines, from below to above the
take-off threshold of `abm.equilibrium.equilibria`:

1. the equations alone (every mechanism beyond §4 neutral) with equal firms, the same with firms that differ, and the
   whole market with all mechanisms at their defaults;
2. from starts below and above the threshold, the equations with each concept's mechanism alone, and the whole market
   without each. Beside them the links of §4 are cut: k1 (C → T), k2 (R → C), k3 (T → R).

The measure is the T of the average customer's firm over the last fourth of the run (`weighted_T`, in baselines). A
concept carries the circle if, from below, T rises by over 0.5 with it alone and falls by over 0.5 without it.
Intervals are 95 % over runs; all points share their seeds, and changes are of pairs.

    python -m experiments.circles [--quick] [--out DIR]
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from abm import Scenario, simulate
from abm.equilibrium.equilibria import CEILINGS, NAMES, SPEEDS, equilibria
from abm.output.number_text import minus
from abm.scenario.parameters import MARKET
from experiments.common import COLOURS, Experiment, band, experiment, mean_with_interval, shown, swept

SCENARIO = Scenario(name="circles", capacity=200, steps=200)
CONCEPTS = {  # the parameters that are each concept's mechanism beyond §4
    "technology accumulation": ("spillover", "entrant_catch_up"),
    "market competition": ("network_effect", "churn", "variable_cost_share"),
    "model optimisation": ("optimisation_speed", "quality_decay"),
    "innovation speed": ("innovation_drag",),
    "commercialisation challenge": ("stress_response", "technology_cost"),
    "return on investment": ("runway", "outside_capital", "entry_rate"),
}
PARTS = {f"competition: {name.replace('_', ' ')}": (name,) for name in CONCEPTS["market competition"]}
SHOCKS = {"shocks": ("technology_noise", "competitiveness_noise")}
CUTS = {"cut C → T": ("k1",), "cut R → C": ("k2",), "cut T → R": ("k3",)}
BELOW, ABOVE = -0.2, 0.4
EQUAL, DIFFERENT, WHOLE = "the equations, equal firms", "the equations, firms differ", "the whole market"


def values(names: tuple[str, ...], kind: str) -> dict[str, float]:
    """Neutral or default values of market parameters."""
    return {name: getattr(MARKET[name], kind) for name in names}


def points(starts: np.ndarray) -> pd.DataFrame:
    """A row a market that is run: its name, its variant and every parameter that varies."""
    beyond = sum((*CONCEPTS.values(), *SHOCKS.values()), ())
    alone = values(beyond, "neutral") | values(("k1", "k2", "k3", "heterogeneity"), "default")
    bases = {EQUAL: alone | {"heterogeneity": 0.0}, DIFFERENT: alone, WHOLE: alone | values(beyond, "default")}
    variants = {"as it is": ({}, {})}
    for name, own in (CONCEPTS | PARTS | SHOCKS).items():
        variants[name] = values(own, "default"), values(own, "neutral")
    variants |= {name: (dict.fromkeys(own, 0.0),) * 2 for name, own in CUTS.items()}
    variants["cut T → R, no competition"] = {"k3": 0.0}, {"k3": 0.0} | variants["market competition"][1]
    rows = [(market, "start", x, base) for market, base in bases.items() for x in starts]
    for x in (BELOW, ABOVE):
        for name, changes in variants.items():
            rows += [(market, name, x, bases[market] | own) for market, own in zip((DIFFERENT, WHOLE), changes)]
    return pd.DataFrame([{"market": m, "variant": v, "initial_momentum": x} | base for m, v, x, base in rows])


def outcomes(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """What one sweep makes of the points: for each measure the array of its values over the seeds."""
    text = f'design = {{method = "list", file = "points.csv"}}\nreplications = {{count = {count}}}'
    with swept(SCENARIO, text, points=table.drop(columns=["market", "variant"])) as results:
        runs = results.outcomes.sort_values(["point", "replication"])
    arrays = runs.groupby("point")[["weighted_T", "mean_T", "survival"]].agg(np.array)
    return pd.concat([table[["market", "variant", "initial_momentum"]], arrays], axis=1)


def take_off_start() -> float:
    """The start x from which a firm of the equations alone takes off, by bisection."""
    firm = SCENARIO.neutral().replace(capacity=1, steps=2000, **values((*SPEEDS, *CEILINGS), "default"))
    low, high = 0.0, 1.0
    while high - low > 1e-6:
        x = (low + high) / 2.0
        grows = simulate(firm.replace(initial_momentum=x), collect="light", every=0).outcomes["mean_T"] > 1.0 + x
        low, high = (low, x) if grows else (x, high)
    return (low + high) / 2.0


def by_start(found: pd.DataFrame) -> pd.DataFrame:
    """T at the end by market and start, with its interval; survival is of the first firms."""
    rows = []
    for _, point in found[found["variant"] == "start"].iterrows():
        T, low, high = mean_with_interval(point["weighted_T"])
        alive, least, most = mean_with_interval(point["survival"])
        row = {"market": point["market"], "x": point["initial_momentum"], "T": T, "low": low, "high": high}
        all_firms = shown(*mean_with_interval(point["mean_T"]))
        rows.append(row | {"T of all firms": all_firms, "survival": alive, "from": least, "to": most})
    return pd.DataFrame(rows)


def effects(found: pd.DataFrame, start: float) -> pd.DataFrame:
    """What each variant changes in the equations alone and in the whole market, in pairs of the same seed."""
    own = found[(found["variant"] != "start") & (found["initial_momentum"] == start)]
    rows = {name: {"x": start, "variant": name} for name in own["variant"].unique()}
    for market, label in ((DIFFERENT, "alone"), (WHOLE, "without")):
        cell = own[own["market"] == market].set_index("variant")
        for name, row in rows.items():
            T, change = cell.loc[name, "weighted_T"], cell.loc[name, "weighted_T"] - cell.loc["as it is", "weighted_T"]
            row[f"{label}: T"] = shown(*mean_with_interval(T))
            row[f"{label}: T of all firms"] = shown(*mean_with_interval(cell.loc[name, "mean_T"]))
            row |= dict(zip((f"{label}: {end}" for end in ("change", "low", "high")), mean_with_interval(change)))
    return pd.DataFrame(rows.values())


def start_picture(starts: pd.DataFrame, take_off: float) -> Figure:
    """T at the end against the start."""
    figure = Figure(figsize=(8.0, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.axvline(take_off, color="0.5", linestyle=":", linewidth=1)
    axes.text(take_off + 0.01, 1.0, f"equal firms take off\nfrom x = {take_off:.3f}", fontsize=8, color="0.3")
    for (market, own), colour, mark in zip(starts.groupby("market", sort=False), COLOURS, "os^"):
        band(axes, own["x"], own[["T", "low", "high"]].to_numpy().T, colour, marker=mark, markersize=4, label=market)
    axes.set_xlabel("start x: T, C and R begin at 1 + x times their baselines")
    axes.set_ylabel("T of the average customer's firm (baselines)")
    axes.set_title(f"T at the end of {SCENARIO.steps} steps (bands: 95 % intervals over runs)", fontsize=10)
    axes.legend(frameon=False, loc="center left", fontsize=9)
    return figure


def effect_picture(tables: dict[float, pd.DataFrame]) -> Figure:
    """What each concept adds to the equations and takes from the whole market."""
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    styles = (("alone", 0.15, COLOURS[0], "o", "done to the equations alone"),
              ("without", -0.15, COLOURS[5], "s", "removed from (or cut in) the whole market"))  # fmt: skip
    for axes, (start, table) in zip(panels, tables.items()):
        table = table[1:]  # the first is the base of the changes
        heights = -np.arange(len(table))
        axes.axvline(0.0, color="0.7", linewidth=1)
        for label, shift, colour, mark, text in styles:
            middle, low, high = (table[f"{label}: {end}"].to_numpy() for end in ("change", "low", "high"))
            axes.errorbar(middle, heights + shift, xerr=[middle - low, high - middle], fmt=mark, color=colour,
                          markersize=4, capsize=2, label=text)  # fmt: skip
        for line in (len(CONCEPTS), len(CONCEPTS | PARTS | SHOCKS)):
            axes.axhline(0.5 - line, color="0.85", linewidth=1)
        axes.set_yticks(heights, table["variant"])
        axes.set_title(
            f"start {'below' if start == BELOW else 'above'} the threshold (x = {minus(f'{start:g}')})", fontsize=10
        )
    figure.supxlabel("change of T of the average customer's firm (baselines; 95 % intervals over pairs)", fontsize=10)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    return figure


def answers(out: Experiment, starts: pd.DataFrame, below: pd.DataFrame, take_off: float) -> None:
    """Report what the runs show."""
    below = below.set_index("variant")

    def move(name: str, label: str) -> str:
        return shown(*(below.loc[name, f"{label}: {end}"] for end in ("change", "low", "high")))

    carries = (below["alone: low"] > 0.5) & (below["without: high"] < -0.5)
    names = [name for name in CONCEPTS if carries[name]]
    name = names[0] if names else "market competition"
    out.answer(
        f"Of the six concepts {name} alone carries the circle: put on the equations from below the threshold it "
        f"changes T of the average customer's firm by {move(name, 'alone')} baselines, taken from the whole market by "
        f"{move(name, 'without')}; no other concept does both by more than 0.5.", len(names) == 1)  # fmt: skip
    needed = all(below.loc[name, "without: high"] < below.loc["cut T → R", "without: low"] for name in list(CUTS)[:2])
    out.answer(
        f"The links C → T and R → C are indispensable (cut: {move('cut C → T', 'without')} and "
        f"{move('cut R → C', 'without')}), T → R is not ({move('cut T → R', 'without')}): customers who choose "
        "by quality then raise the return instead; without them too, no circle remains "
        f"({move('cut T → R, no competition', 'without')}).", needed)  # fmt: skip
    limits = {"ceilings": CEILINGS, "speeds": SPEEDS}
    limits = {name: list(values(each, "default").values()) for name, each in limits.items()}
    edge = next(each for each in equilibria(**values(NAMES, "default"), **limits) if not each.stable)
    low, high = min(edge[:3]) - 1.0, max(edge[:3]) - 1.0
    out.answer(
        f"Equal firms under the equations alone take off from x = {take_off:.4f} (no chance, no interval), between "
        f"the {low:.3f} and {high:.3f} of the unstable equilibrium's C and R.", low < take_off < high)  # fmt: skip
    equal, whole = (starts[starts["market"] == each].iloc[0] for each in (EQUAL, WHOLE))
    out.answer(
        f"The whole market shows no threshold here: even from x = {whole['x']:g} T of the average customer's firm ends "
        f"at {shown(whole['T'], whole['low'], whole['high'])} baselines, while "
        f"{shown(whole['survival'], whole['from'], whole['to'])} of its first firms survive.",
        whole["low"] > 1.5)  # fmt: skip
    out.answer(
        "The equations alone hold a vicious circle in which firms that start below their baselines sink further (from "
        f"x = {equal['x']:g} equal firms return to {equal['T']:.3f}).", equal["T"] < 1.0 + equal["x"])  # fmt: skip


def main() -> None:
    """Run all markets once, then write the tables, the pictures and what they say."""
    with experiment(__doc__, "circles") as out:
        found = outcomes(points(np.round(np.linspace(-0.4, 0.6, out.runs(21, 6)), 6)), out.runs(100, 3))
        starts, take_off = by_start(found), take_off_start()
        tables = {start: effects(found, start) for start in (BELOW, ABOVE)}
        answers(out, starts, tables[BELOW], take_off)
        out.text(
            "T is that of the average customer's firm; the average firm's is beside it in the tables. The limit on "
            "funds (return on investment) ends losers and so lifts the average firm, but not what the average customer "
            "gets. An infinite runway also ends the stress response. As firms differ, some have a loop gain above 1: "
            "these take off from any start above their baselines, but by the equations alone from none below."
        )
        out.picture("starts", start_picture(starts, take_off), "T at the end by start")
        out.picture("effects", effect_picture(tables), "What each concept adds and takes")
        out.table("effects", pd.concat(tables.values()), "T with each concept alone, and without it")
        out.table("starts", starts, "T at the end by start")


if __name__ == "__main__":
    main()
