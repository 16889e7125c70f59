"""How much each factor matters for whether the outcome happens: extra-trees, and SALib where the design allows it."""

from typing import TYPE_CHECKING

import numpy as np

from abm.discovery.space import Space
from abm.discovery.tree import columns_of, weighted_rows
from abm.sensitivity.indices import known_indices
from abm.sweeps.design.samples import SAMPLES

if TYPE_CHECKING:
    import pandas as pd

    from abm.sweeps.sweep_results import SweepResults

_TREES = 300
_LEAST_LEAF = 0.005  # share of runs in a leaf
RANDOM = "(random numbers)"  # what a factor that does nothing would score


def extra_trees(space: Space, seed: int) -> "pd.DataFrame":
    """Share of the impurity that splits by each factor remove, in extremely randomised trees (Geurts et al. 2006).

    Parameters
    ----------
    space : Space
    seed : int

    Returns
    -------
    DataFrame
        `factor extra_trees`; one row for random numbers among the factors, which a factor that matters exceeds.
    """
    import pandas as pd
    from sklearn.ensemble import ExtraTreesClassifier

    every = np.ones(len(space.codes), dtype=bool)
    columns, is_case, weights = weighted_rows(space, every)
    owners = [index for index, _ in columns_of(space)[1]]
    random = np.random.default_rng([seed, 2**31 + 2]).random(len(space.codes))
    # A point has one random number, as it has one value of a factor.
    there = np.concatenate([space.cases, space.runs - space.cases]) > 0
    columns = np.column_stack([columns, np.concatenate([random, random])[there]])
    forest = ExtraTreesClassifier(
        _TREES, min_weight_fraction_leaf=max(_LEAST_LEAF, 3.0 / len(space.codes)), random_state=seed % 2**32, n_jobs=1
    ).fit(columns, is_case, sample_weight=weights)
    score = np.bincount([*owners, len(space.factors)], forest.feature_importances_, len(space.factors) + 1)
    return pd.DataFrame({"factor": [*(factor.name for factor in space.factors), RANDOM], "extra_trees": score})


def design_indices(
    results: "SweepResults", points: np.ndarray, met: np.ndarray, known: np.ndarray
) -> "pd.DataFrame | None":
    """Sensitivity indices of a point's share of cases by SALib; None where the design or what is missing forbids it.

    Parameters
    ----------
    results : SweepResults
    points : int64 array, shape (rows,)
        The point of each run, in the design's order.
    met, known : bool array, shape (rows,)
        Whether the run is a case, and whether that is known.

    Returns
    -------
    DataFrame or None
        `factor` and the columns of `abm.sensitivity.indices.indices`.
    """
    import pandas as pd

    manifest = results.manifest
    method, factors, seed = manifest["method"], results.factors, manifest["design_seed"]
    if method not in SAMPLES:
        return None
    sample = SAMPLES[method](len(factors), manifest["design_points"], seed)
    runs, cases = (np.bincount(points[known], each[known], len(sample)) for each in (known, met))
    shares = np.divide(cases, runs, out=np.full(len(sample), np.nan), where=runs > 0.0)
    found, _ = known_indices(method, sample, shares, 0.95, seed % 2**32)
    return None if found is None else pd.DataFrame({"factor": factors, **found})
