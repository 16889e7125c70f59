"""The search itself: the box, how stable it is, and the tree; or why nothing is found."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abm.discovery.boxes import Box, Held, chosen, held, inside, limits, quasi_p
from abm.discovery.peeling import trajectory
from abm.discovery.space import Space
from abm.discovery.stability import Resamples, resampled, stability_table
from abm.discovery.tree import Node, decision_tree, rule

if TYPE_CHECKING:
    import pandas as pd

CHANCE = 0.05  # p above which nothing is found


@dataclass(frozen=True, eq=False)
class Search:
    """The result of a search.

    Attributes
    ----------
    space : Space
    why_not : str
        `none` or `all` runs are cases, `no box` is better than the whole, or the best one could be `chance`; empty
        where a box is found.
    peeled : DataFrame or None
        The trajectory; None where there was nothing to search, as all below.
    boxes : list of Box
        Of the trajectory.
    index : int
        Of the one in it from which the chosen box comes.
    best : Box
        The chosen box, whether it is trusted or not.
    resamples : Resamples or None
    root : Node
        Of the tree.
    """

    space: Space
    why_not: str
    peeled: "pd.DataFrame | None"
    boxes: list[Box]
    index: int
    best: Box
    resamples: Resamples | None
    root: Node

    @property
    def box(self) -> Box | None:
        """The box that is found."""
        return None if self.why_not else self.best

    @property
    def held(self) -> Held:
        """What the best box holds."""
        return held(self.space, inside(self.space, self.best))


def searched(space: Space, count: int, seed: int, progress: Callable[[int, int], None]) -> Search:
    """Search a space.

    Parameters
    ----------
    space : Space
    count : int
        Of resamples.
    seed : int
    progress : callable
        Called with how many parts are done, and of how many.
    """
    cases, runs = space.cases.sum(), space.runs.sum()
    if cases in (0, runs):
        return Search(space, "all" if cases else "none", None, [], 0, space.whole, None, Node(space.whole))
    # The first search takes about as long as some of the resamples.
    total, done = count + 20, 0
    progress(done, total)
    peeled, boxes = trajectory(space)
    index, best = chosen(space, boxes)
    done = 15
    progress(done, total)

    def advance() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    resamples = resampled(space, count, seed, advance)
    root = decision_tree(space, seed)
    progress(total, total)
    why_not = "no box" if not limits(space, best) else "chance" if resamples.p > CHANCE else ""
    return Search(space, why_not, peeled, boxes, index, best, resamples, root)


def box_table(search: Search) -> "pd.DataFrame":
    """The found box, a row a factor that it limits: `factor low high words quasi_p least most`, NaN where open."""
    import pandas as pd

    space, rows = search.space, []
    sides = limits(space, search.box) if search.box else []
    for index, factor in enumerate(space.factors):
        own = [side for side in sides if side.factor == index]
        if not own:
            continue
        allowed = search.box[index]
        row = {"factor": factor.name, "low": np.nan, "high": np.nan, "words": "", "least": np.nan, "most": np.nan}
        if factor.is_word:
            row["words"] = ", ".join(str(factor.values[code]) for code in np.flatnonzero(allowed))
        else:
            codes = np.flatnonzero(allowed)
            row["low"], row["high"] = factor.limit(int(codes[0]), int(codes[-1]))
            row["least"], row["most"] = float(factor.values[0]), float(factor.values[-1])
        for name in ("low", "high"):
            side = [each for each in own if each.side in (name, "words")]
            row[f"quasi_p_{name}"] = quasi_p(space, search.box, side[0]) if side else np.nan
        rows.append(row)
    names = ["factor", "low", "high", "words", "quasi_p_low", "quasi_p_high", "least", "most"]
    kinds = {name: "str" if name in ("factor", "words") else np.float64 for name in names}
    return pd.DataFrame(rows, columns=names).astype(kinds)


def trajectory_table(search: Search) -> "pd.DataFrame":
    """The boxes of the peeling, the whole first: `box` (its number), what it holds, `chosen`, and its `rule`."""
    import pandas as pd

    names = ["coverage", "density", "mass", "restricted", "runs", "cases", "quasi_p"]
    if search.peeled is None:
        return pd.DataFrame({name: pd.Series(dtype=np.float64) for name in ["box", *names, "chosen"]}).assign(rule="")
    table = search.peeled.copy()
    table.insert(0, "box", np.arange(len(table)))
    table["chosen"] = (np.arange(len(table)) == search.index) & (not search.why_not)
    table["rule"] = [rule(search.space, box) for box in search.boxes]
    return table


def stability_of(search: Search) -> "pd.DataFrame":
    """How often each limit is found in resamples; empty where there were none."""
    found = search.resamples or Resamples([search.space.whole], np.array([]), np.array([]), 1.0)
    table = stability_table(search.space, search.box, found)
    return table if search.resamples else table.iloc[:0]
