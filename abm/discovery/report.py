"""The report of a discovery, in the look of a comparison's: one HTML file that needs nothing else."""

from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.report.html import page
from abm.comparison.report.page import Picture, Section, Table
from abm.comparison.report.wording import p_text
from abm.discovery.condition import noun_of
from abm.discovery.figures import pairs, tradeoff, tree
from abm.discovery.scores import RANDOM
from abm.discovery.space import limit_text
from abm.output.number_text import MISSING, interval, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from abm.discovery.findings import Findings

_ROWS = 20  # of the trajectory in the page at most
_HEADINGS = {
    "box": "The box", "coverage": "Coverage", "density": "Density", "quasi_p": "Quasi-p", "stability": "Stability",
    "p": "p", "tree": "Tree", "scores": "Scores",
}  # fmt: skip


def report_html(discovery: "Findings") -> str:
    """The report's text, equal for equal discoveries.

    Parameters
    ----------
    discovery : Findings
    """
    return page(title(discovery.method["where"]), _sections(discovery))


def title(where: str) -> str:
    """The page's heading.

    Examples
    --------
    >>> title("structure == 'monopoly'"), title("hhi > 2500")
    ('Where the monopolies are', 'Where runs meet hhi > 2500')
    """
    what = noun_of(where)
    return f"Where the {what} are" if what else f"Where runs meet {where}"


def pictures(discovery: "Findings") -> list[Picture]:
    """The pictures of a discovery, by their names; none where there was nothing to search.

    Parameters
    ----------
    discovery : Findings
    """
    search = discovery.search
    if search.peeled is None:
        return []
    order = [name for name in discovery.scores["factor"] if name != RANDOM]
    found = [
        Picture(
            "pairs",
            pairs(search, order, discovery.scales),
            "Design points by pairs of factors. Orange: some of the point's runs are cases, the darker the more.",
            "box.csv",
        ),
        Picture(
            "tradeoff",
            tradeoff(search),
            "Boxes of the peeling: each step takes 5% of the runs away, from the right to the left.",
            "trajectory.csv",
        ),
    ]
    if search.root.factor is not None:
        caption = "Each question divides the runs; a leaf has the share of cases among its runs."
        found.append(Picture("tree", tree(search), caption, "tree.csv"))
    return found


def _sections(discovery: "Findings") -> list[Section]:
    drawn = {picture.name: picture for picture in pictures(discovery)}

    def shown(name: str) -> list[Picture]:
        return [drawn[name]] if name in drawn else []

    method, settings = discovery.method, discovery.method["how"]
    found = [
        Section(
            "Where it happens",
            [discovery.answer, *discovery.beside],
            warnings=discovery.notes,
            pictures=shown("pairs"),
            tables=[_box(discovery.box)] if discovery.found else [],
        )
    ]
    if discovery.search.peeled is not None:
        found += [
            Section(
                "Coverage or density", _tradeoff_text(discovery), pictures=shown("tradeoff"),
                tables=[_trajectory(discovery.trajectory)],
            ),
            Section("How stable", _stability_text(discovery), tables=[_stability(discovery.stability)]),
            _tree(discovery, shown("tree")),
            Section("Which factors matter", tables=[_scores(discovery.scores)]),
        ]  # fmt: skip
    says = [f"{heading}. {settings[name]}" for name, heading in _HEADINGS.items()]
    used = ", ".join(f"{name} {version}" for name, version in method["versions"].items())
    return [*found, Section("Method", [*says, f"Made with {used}. Made again with:"], code=method["command"])]


def _box(box: "pd.DataFrame") -> Table:
    rows = []
    for row in box.to_dict("records"):
        values = row["words"] or (MISSING if row["low"] != row["low"] else limit_text(row["low"]))
        high = "" if row["words"] else MISSING if row["high"] != row["high"] else limit_text(row["high"])
        chances = [
            p_text(row[f"quasi_p_{side}"]) if row[f"quasi_p_{side}"] == row[f"quasi_p_{side}"] else ""
            for side in ("low", "high")
        ]
        whole = "" if row["words"] else f"{limit_text(row['least'])} to {limit_text(row['most'])}"
        rows.append((row["factor"], values, high, *chances, whole))
    heads = ("factor", "from, or values", "to", "quasi-p of from", "quasi-p of to", "searched")
    return Table("box", heads, rows, "box.csv", "The box; factors that are not here are not limited.")


def _tradeoff_text(discovery: "Findings") -> list[str]:
    text = "Smaller boxes are denser and cover fewer of the cases. "
    if not discovery.found:
        return [text + "No box is chosen."]
    return [text + "The chosen box has the largest correlation with the outcome; another may suit a question better."]


def _trajectory(table: "pd.DataFrame") -> Table:
    """Every so many boxes of the trajectory, and the chosen one."""
    places = set(np.unique(np.linspace(0, len(table) - 1, min(_ROWS, len(table))).round().astype(int)).tolist())
    places |= set(np.flatnonzero(table["chosen"]).tolist())
    rows = [
        (f"{row['box']}{' (chosen)' if row['chosen'] else ''}", row["rule"], percent(row["coverage"]),
         percent(row["density"]), percent(row["mass"]), f"{row['runs']:,}",
         "" if row["quasi_p"] != row["quasi_p"] else p_text(row["quasi_p"]))
        for row in table.iloc[sorted(places)].to_dict("records")
    ]  # fmt: skip
    heads = ("box", "limits", "coverage", "density", "mass", "runs", "largest quasi-p")
    return Table("trajectory", heads, rows, "trajectory.csv", "Mass: share of all runs.", words=2)


def _stability_text(discovery: "Findings") -> list[str]:
    count = discovery.method["resamples"]
    return [
        f"The search is repeated in {count:,} bootstrap resamples of the design points: how often it finds each limit, "
        "and where. Do not rely on a limit that few resamples find."
    ]


def _stability(table: "pd.DataFrame") -> Table:
    rows = []
    for row in table[(table["share"] > 0.0) | table["in_box"]].to_dict("records"):
        side = {"low": "from below", "high": "from above"}.get(row["limit"], row["limit"])
        known = row["median"] == row["median"]
        ends = f"{number(row['median'])} {interval(row['low'], row['high'])}" if known else ""
        value = MISSING if not row["in_box"] else "yes" if row["value"] != row["value"] else limit_text(row["value"])
        rows.append((row["factor"], side, value, percent(row["share"]), ends))
    heads = ("factor", "limit", "in the box", "resamples with it", "median there [middle 90%]")
    return Table("stability", heads, rows, "stability.csv", "Limits that no resample finds are left out here.", words=2)


def _tree(discovery: "Findings", shown: list[Picture]) -> Section:
    title = "The same by a tree"
    if discovery.search.root.factor is None:
        return Section(
            title, ["No question divides the runs so that left-out points are predicted better than without."]
        )
    rows = [
        (row["rule"], f"{row['cases']:,}", f"{row['runs']:,}", percent(row["density"]), percent(row["coverage"]))
        for row in discovery.tree.to_dict("records")
    ]
    heads = ("leaf", "cases", "runs", "density", "coverage")
    table = Table("tree", heads, rows, "tree.csv", "Leaves, densest first.")
    return Section(
        title, ["Cases that lie in several places show as several dense leaves."], pictures=shown, tables=[table]
    )


def _scores(table: "pd.DataFrame") -> Table:
    called = {"total": "total index", "first_order": "first-order index", "mu_star": "μ*"}
    lead = [name for name in called if name in table]
    rows = []
    for row in table.to_dict("records"):
        ends = [(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in lead]
        values = ["" if value != value else f"{number(value)} {interval(low, high)}" for value, low, high in ends]
        rows.append((row["factor"], number(row["extra_trees"]), *values))
    caption = "Extra-trees: shares that sum to 1; a factor that matters exceeds the random numbers."
    if lead:
        caption += " Indices: of a point's share of cases, with 95% intervals."
    return Table("scores", ("factor", "extra-trees", *(called[name] for name in lead)), rows, "scores.csv", caption)
