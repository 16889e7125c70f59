"""Where among eight factors does the winner take all?

The article's §3.3 lets network effects draw customers to the large; `tipping` varies them with churn alone. Here eight
factors vary together over wide ranges, a Sobol sample of 2,000 markets of sixty firms, two runs each. The cases are
the runs whose structure over the last fourth of the steps is a monopoly (HHI of the sector at least 6400). PRIM looks
for the box of limits in which most runs are monopolies and which holds most of the monopolies; the search is made
anew in resamples of the points, which shows how stable its limits are; a tree and scores stand beside it.

    python -m experiments.winner_take_all [--quick] [--out DIR]
"""

from abm import Scenario, discover
from abm.discovery.report import pictures
from abm.output.number_text import percent
from experiments.common import Experiment, experiment, shown, swept

RANGES = {  # low, high, scale
    "network_effect": (0.0, 1.5, "linear"),
    "churn": (0.05, 1.0, "log"),
    "heterogeneity": (0.05, 0.5, "linear"),
    "competitiveness_elasticity": (0.0, 3.0, "linear"),
    "quality_elasticity": (0.0, 3.0, "linear"),
    "spillover": (0.0, 0.1, "linear"),
    "entry_rate": (0.001, 0.1, "log"),
    "runway": (2.0, 32.0, "log"),
}
WHERE = "structure == 'monopoly'"
SEED = 1


def design(points: int, count: int) -> str:
    """The design's text."""
    head = f'design = {{method = "sobol", points = {points}, seed = {SEED}}}\nreplications = {{count = {count}}}'
    ranges = (
        f'{name} = {{low = {low}, high = {high}, scale = "{scale}"}}' for name, (low, high, scale) in RANGES.items()
    )
    return "\n".join([head, "[factors]", *ranges])


def answers(out: Experiment, found) -> None:
    """What is found, on the points of the search and on others."""
    out.answer(found.answer, found.found)
    if not found.found:
        return
    left_out = {name: found.method[f"left_out_{name}"] for name in ("density", "coverage")}
    ends = {name: shown(*(100.0 * each[end] for end in ("median", "low", "high"))) for name, each in left_out.items()}
    out.answer(
        f"On points left out of a search: {ends['density']} % of the runs in its box are monopolies, "
        f"{ends['coverage']} % of all monopolies lie there (median and middle 90 % of {found.method['resamples']} "
        f"resamples); of all runs {percent(found.method['density_of_all'])} are monopolies."
    )
    limits = found.stability[found.stability["in_box"]]
    sure = ", ".join(f"{row.factor} {percent(row.share)}" for row in limits.itertuples())
    out.answer(f"Of the box's limits so many resamples find one on the same side: {sure}.")


def main() -> None:
    """Sweep, search, and write the tables, the pictures and what they say."""
    with experiment(__doc__, "winner_take_all") as out:
        scenario = Scenario.load("one-market").replace(capacity=60, steps=60 if out.quick else 400)
        points, count = out.runs(2000, 64), 2
        with swept(scenario, design(points, count), workers=1 if out.quick else None) as results:
            found = discover(results, WHERE, resamples=out.runs(100, 10), seed=SEED)
        answers(out, found)
        for sentence in [*found.beside, *found.notes]:
            out.text(sentence)
        for picture in pictures(found):
            out.picture(picture.name, picture.figure, picture.caption)
        out.table("box", found.box.replace("", None).dropna(axis=1, how="all"), "The box")
        out.table("stability", found.stability[found.stability["share"] > 0.0], "Limits found in resamples")
        out.table("tree", found.tree.drop(columns="mass"), "Leaves of the tree")
        out.table("scores", found.scores, "Factor scores")
        out.table("trajectory", found.trajectory)


if __name__ == "__main__":
    main()
