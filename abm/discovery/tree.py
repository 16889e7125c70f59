"""A decision tree beside the box: where cases lie in several places, its leaves show them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abm.discovery.boxes import FEWEST, Box, held, inside
from abm.discovery.space import Space

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.tree import DecisionTreeClassifier

_LEAVES = 8  # at most
_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Node:
    """A node of the tree: the box of the points in it, and the question that divides them where it is no leaf.

    Attributes
    ----------
    box : Box
    factor : int or None
        Whose values divide it; None of a leaf.
    left, right : Node or None
        `left` has the lower values, or the word that is asked for.
    """

    box: Box
    factor: int | None = None
    left: "Node | None" = None
    right: "Node | None" = None

    @property
    def leaves(self) -> list["Node"]:
        """From the left to the right."""
        return [self] if self.factor is None else self.left.leaves + self.right.leaves


def decision_tree(space: Space, seed: int) -> Node:
    """The tree with as few leaves as predict left-out points as well as any number, up to eight.

    Five folds of points, Brier's score, within one standard error of the best (Breiman et al. 1984).

    Parameters
    ----------
    space : Space
    seed : int
        Of the folds.
    """
    count = len(space.codes)
    folds = np.random.default_rng([seed, 2**31 + 1]).permutation(count) % _FOLDS
    scores = np.zeros((_LEAVES, _FOLDS))
    for fold in range(_FOLDS):
        learnt, judged = folds != fold, folds == fold
        shares, runs = (space.cases / space.runs)[judged], space.runs[judged]
        whole = space.cases[learnt].sum() / space.runs[learnt].sum()
        # Over the runs of a point the score is that of their share, and a part that no tree changes.
        scores[0, fold] = np.average((shares - whole) ** 2, weights=runs)
        for leaves in range(2, _LEAVES + 1):
            tree = _fitted(space, learnt, leaves)
            guess = _chance(tree, columns_of(space)[0][judged])
            scores[leaves - 1, fold] = np.average((shares - guess) ** 2, weights=runs)
    means = scores.mean(axis=1)
    best = int(np.argmin(means))
    error = scores[best].std(ddof=1) / _FOLDS**0.5
    leaves = 1 + int(np.flatnonzero(means <= means[best] + error)[0])
    if leaves == 1:
        return Node(space.whole)
    return _node(space, _fitted(space, np.ones(count, dtype=bool), leaves), 0, space.whole)


def tree_table(space: Space, tree: Node) -> "pd.DataFrame":
    """The leaves, densest first: `rule points runs cases coverage density mass`."""
    import pandas as pd

    rows = []
    for leaf in tree.leaves:
        rows.append({"rule": rule(space, leaf.box), **held(space, inside(space, leaf.box))._asdict()})
    return pd.DataFrame(rows).sort_values("density", ascending=False, kind="stable", ignore_index=True)


def rule(space: Space, box: Box) -> str:
    """A box in words, factor by factor."""
    parts = [factor.in_words(allowed) for factor, allowed in zip(space.factors, box) if not allowed.all()]
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 2 else parts) or "everywhere"


def columns_of(space: Space) -> tuple[np.ndarray, list[tuple[int, int | None]]]:
    """A column a factor of numbers, by rank, and one a word; and of each the factor and the word."""
    columns, names = [], []
    for index, factor in enumerate(space.factors):
        if factor.is_word:
            for code in range(len(factor.values)):
                columns.append(space.codes[:, index] == code)
                names.append((index, code))
        else:
            columns.append(space.codes[:, index])
            names.append((index, None))
    return np.array(columns, dtype=np.float64).T, names


def weighted_rows(space: Space, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns of the points, whether it is a case, and how many runs are: a row for a point's cases, one for the rest.

    Parameters
    ----------
    space : Space
    points : bool array, shape (points,)
    """
    columns = columns_of(space)[0][points]
    weights = np.concatenate([space.cases[points], (space.runs - space.cases)[points]]).astype(np.float64)
    is_case = np.repeat([1, 0], len(columns))
    there = weights > 0.0
    return np.concatenate([columns, columns])[there], is_case[there], weights[there]


def _fitted(space: Space, points: np.ndarray, leaves: int) -> "DecisionTreeClassifier":
    from sklearn.tree import DecisionTreeClassifier

    columns, is_case, weights = weighted_rows(space, points)
    least = min(max(0.01, FEWEST / len(space.codes)), 0.5)
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_weight_fraction_leaf=least, random_state=0)
    return tree.fit(columns, is_case, sample_weight=weights)


def _chance(tree: "DecisionTreeClassifier", columns: np.ndarray) -> np.ndarray:
    """The chance of a case that a tree gives each point."""
    found = tree.predict_proba(columns)
    return found[:, list(tree.classes_).index(1)] if 1 in tree.classes_ else np.zeros(len(columns))


def _node(space: Space, fitted: "DecisionTreeClassifier", number: int, box: Box) -> Node:
    """A node of scikit-learn's tree and all below it."""
    arrays, names = fitted.tree_, columns_of(space)[1]
    if arrays.children_left[number] < 0:
        return Node(box)
    index, word = names[arrays.feature[number]]
    codes = np.arange(len(box[index]))
    # At most the threshold goes to the left; a word has the value 1, so that it goes to the right.
    low = codes <= arrays.threshold[number] if word is None else codes != word
    parts = []
    for child, allowed in ((arrays.children_left[number], low), (arrays.children_right[number], ~low)):
        smaller = [each & allowed if other == index else each for other, each in enumerate(box)]
        parts.append(_node(space, fitted, int(child), smaller))
    return Node(box, index, *(parts if word is None else reversed(parts)))
