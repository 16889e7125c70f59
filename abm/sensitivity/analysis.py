"""A sensitivity analysis from a finished sweep to its table and its picture."""

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.comparison.inputs.labels import short_list
from abm.comparison.inputs.outcomes import chosen_outcomes, numbers_of
from abm.comparison.statistics.rounding import merge_close
from abm.errors import InputError, check_share
from abm.output.files import versions, write_csv, write_json, write_parquet
from abm.output.new_folder import new_folder
from abm.sensitivity.indices import LEADING, known_indices
from abm.sweeps.design.samples import SAMPLES
from abm.sweeps.results import load_sweep
from abm.sweeps.sweep_results import SweepResults

if TYPE_CHECKING:
    import pandas as pd

PICTURE, ABOUT = "indices.png", "analysis.json"
FILES = ("indices.csv", "indices.parquet", PICTURE, ABOUT)
_METHODS = {
    "morris": "Morris's elementary effects, in the outcome's unit, of a step through a factor's whole range.",
    "saltelli": "Sobol' indices by Saltelli's and Jansen's estimators: shares of the variance between points.",
    "sobol": "First-order Sobol' indices by RBD-FAST: shares of the variance between points.",
    "latin": "First-order Sobol' indices by RBD-FAST: shares of the variance between points.",
}


@dataclass(frozen=True, eq=False)
class Analysis:
    """What `analyse` found.

    Attributes
    ----------
    indices : DataFrame
        A row an outcome and factor, those of an outcome in falling order: `outcome factor`, then `mu_star`,
        `mu_star_low`, `mu_star_high`, `mu`, `sigma` of a Morris design, else `first_order` and, of a Saltelli design,
        `total`, each with `_low` and `_high`; `points`, the number that it rests on.
    notes : list of str
    method : dict
        How the numbers were made.
    """

    indices: "pd.DataFrame"
    notes: list[str]
    method: dict[str, Any] = field(repr=False)

    @property
    def leading(self) -> str:
        """The column by which factors are ranked: mu_star, total or first_order."""
        return next(name for name in LEADING if name in self.indices)

    def save(self, folder: Path) -> None:
        """Write the table as CSV and Parquet, the picture, and how they were made."""
        from abm.output.style import save
        from abm.sensitivity.figure import bars

        write_csv(self.indices, folder / "indices.csv")
        write_parquet(self.indices, folder / "indices.parquet")
        save(bars(self.indices), folder / PICTURE)
        write_json({"notes": self.notes, **self.method}, folder / ABOUT)


def analyse(
    sweep: str | os.PathLike | SweepResults,
    *,
    outcomes: str | Iterable[str] = (),
    level: float = 0.95,
    partial: bool = False,
    out: str | os.PathLike | None = None,
    overwrite: bool = False,
) -> Analysis:
    """Sensitivity indices of the factors of a sweep with a Morris, Saltelli, Sobol or Latin design.

    Parameters
    ----------
    sweep : path or SweepResults
        The outcome of a point is the mean of its runs.
    outcomes : str or sequence of str
        Those that are analysed; all by default. `structure=oligopoly` is the share of runs whose structure is that.
    level : float
        Of the intervals, resampled over trajectories, base samples or points.
    partial : bool
        Analyse a sweep that is not finished by the replications that every point has; at least one is needed, because
        trajectories and blocks must be whole.
    out : path, optional
        Directory to write; nothing is written by default.
    overwrite : bool
        Replace an earlier analysis there.

    Returns
    -------
    Analysis

    Raises
    ------
    InputError
        If the sweep's design has no such indices, or nothing in it varies.

    Examples
    --------
    >>> import tempfile
    >>> from abm import sweep
    >>> from abm.sweeps.design.design import Design
    >>> text = 'scenario = "one-market"\\n[set]\\nsteps = 5\\ncapacity = 20\\n[replications]\\ncount = 1\\n'
    >>> text += '[design]\\nmethod = "morris"\\npoints = 4\\n[factors]\\nchurn = {low = 0.1, high = 0.9}'
    >>> design = Design.from_toml(text)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     indices = analyse(sweep(design, folder, workers=1), outcomes="sector_hhi").indices
    >>> indices["factor"].unique().tolist()
    ['churn']
    """
    check_share("level", level)
    results = sweep if isinstance(sweep, SweepResults) else load_sweep(sweep, partial=partial)
    method = results.manifest["method"]
    if method not in _METHODS:
        raise InputError(
            f"{results.folder}: a {method} design has no sensitivity indices, which need morris, saltelli, sobol or "
            "latin; abm compare compares its groups"
        )
    results = results.complete_replications()
    wanted = (outcomes,) if isinstance(outcomes, str) else tuple(outcomes)
    written = None if out is None else new_folder(out, overwrite=overwrite, kind="analysis", files=FILES)
    with written or contextlib.nullcontext() as folder:
        analysis = _analysed(results, method, wanted, level)
        if folder is not None:
            analysis.save(folder)
    return analysis


def _analysed(results: SweepResults, method: str, wanted: tuple[str, ...], level: float) -> Analysis:
    """The indices of all chosen outcomes."""
    import pandas as pd

    factors, seed = results.factors, results.manifest["design_seed"]
    sample = SAMPLES[method](len(factors), results.manifest["design_points"], seed)
    own = results.outcomes.drop(columns=[*factors, "replication", "seed"]).set_index("point")
    if own.empty:
        raise InputError(f"{results.folder}: all {len(results.failures):,} runs failed, so nothing can be analysed")
    numbers = numbers_of(own)
    names = chosen_outcomes(numbers, wanted)
    columns = {name: values for each in numbers.values() for name, values in each.items() if name in names}
    means = pd.DataFrame(columns, index=own.index).groupby(level=0).mean().reindex(range(len(sample)))[names]
    parts, constant, incomplete = [], [], []
    for name, values in zip(names, merge_close(means.to_numpy())[0].T):
        found, whole = known_indices(method, sample, values, level, seed % 2**32)
        if found is None:
            constant.append(name)
            continue
        if not whole.all():
            incomplete.append(f"{name} ({len(whole) - whole.sum():,})")
        part = pd.DataFrame({"outcome": name, "factor": factors, **found, "points": int(whole.sum())})
        lead = next(column for column in LEADING if column in part)
        parts.append(part.sort_values(lead, ascending=False, kind="stable"))
    if not parts:
        raise InputError(f"{results.folder}: no outcome varies over as many points as an analysis needs")
    notes = []
    if constant:
        notes.append(f"Left out, since they do not vary or too few points have a value: {short_list(constant)}.")
    if incomplete:
        notes.append(
            f"Points without a value are left out with the rest of their trajectory or block: {short_list(incomplete)}."
        )
    coverage = results.coverage
    count = coverage.seeds
    if coverage.runs < coverage.all_runs:
        notes.append(f"The sweep is not finished: {coverage}. Only complete replications are analysed.")
    notes.append(
        f"A point's outcome is the mean of {count} run{'s' * (count != 1)}; noise between runs counts as interaction."
    )
    about = {"sweep": results.folder.name, "design": method, "level": level, "indices": _METHODS[method]}
    about |= {"factors": results.manifest["factors"], "versions": versions() | _salib()}
    return Analysis(pd.concat(parts, ignore_index=True), notes, about)


def _salib() -> dict[str, str]:
    """The version of SALib."""
    from importlib import metadata

    return {"SALib": metadata.version("SALib")}
