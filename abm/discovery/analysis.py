"""A discovery from the runs of a sweep to its box, its tables and its report."""

import contextlib
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.labels import short_list
from abm.comparison.inputs.sources import Source, source_of_frame, source_of_sweep
from abm.discovery.condition import Condition, beyond, joined
from abm.discovery.findings import Findings
from abm.discovery.scores import design_indices, extra_trees
from abm.discovery.search import Search, box_table, searched, stability_of, trajectory_table
from abm.discovery.space import Space, chosen_factors, space_of
from abm.discovery.stability import middle_and_ends
from abm.discovery.tree import tree_table
from abm.errors import InputError, need_packages, shown
from abm.output.files import versions, write_csv, write_json, write_parquet
from abm.output.new_folder import check_separate, new_folder
from abm.simulation.simulate import check_count, check_seed
from abm.sweeps.results import load_sweep
from abm.sweeps.sweep_results import SweepResults

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("box", "trajectory", "stability", "tree", "scores")
REPORT, ABOUT = "report.html", "discovery.json"
FILES = (*(f"{name}.{suffix}" for name in TABLES for suffix in ("csv", "parquet")), REPORT, ABOUT)
PICTURES = ("tradeoff", "pairs", "tree")
FIGURES = (*(f"{name}.{kind}" for name in PICTURES for kind in ("pdf", "svg")), "figures.json")
LEAST = 30  # points; with fewer no box can be distinguished from chance
RESAMPLES, FEWEST_RESAMPLES = 100, 10
HOW = {
    "box": "PRIM (Friedman and Fisher 1999) by ema_workbench, peeling 5% of the runs a step. Chosen on its trajectory "
    "is the box with the largest correlation over runs between lying in it and being a case. Its limits are moved one "
    "at a time where that makes the correlation larger by more than 0.01, since peeling cannot go back; limits whose "
    "quasi-p is above 0.05 are taken away, the least sure first.",
    "coverage": "Share of all cases that lie in the box.",
    "density": "Share of the runs in the box that are cases.",
    "quasi_p": "One-sided binomial chance that the box were as dense without the limit (Bryant and Lempert 2010): in "
    "the box by points, since the runs of a point are not independent of each other; in the trajectory by runs, of "
    "its largest.",
    "stability": "The same search in bootstrap resamples of the design points; the runs of a point stay together. "
    "Density and coverage on left-out points are those of each resample's box among the points that it lacks.",
    "p": "How often outcomes shuffled among the points (999 times) are as dense where left-out points lie in the "
    "boxes of the resamples. Above 0.05 nothing is found.",
    "tree": "Decision tree by scikit-learn; as many leaves, up to eight, as predict left-out points (five folds, "
    "Brier's score within a standard error of the best).",
    "scores": "Share of the impurity that splits by the factor remove in 300 extremely randomised trees of "
    "scikit-learn; random numbers among the factors show what one that does nothing gets. Beside it, where the "
    "design has them, sensitivity indices of a point's share of cases by SALib.",
}
_NEEDED = {"ema_workbench": "ema_workbench", "sklearn": "scikit-learn"}


class Discovery(Findings):
    """What `discover` found, as `Findings` lists it, and how it is written."""

    def to_dict(self) -> dict[str, Any]:
        """The answer, the box and the numbers of the whole, as JSON has them."""
        return {
            "answer": self.answer,
            "beside": self.beside,
            "found": self.found,
            "box": self.box.to_dict("records"),
            "notes": self.notes,
            **self.method,
        }

    def save(self, folder: Path) -> None:
        """Write the tables as CSV and Parquet, the report, and how they were made."""
        from abm.discovery.report import report_html

        for name in TABLES:
            write_csv(getattr(self, name), folder / f"{name}.csv")
            write_parquet(getattr(self, name), folder / f"{name}.parquet")
        (folder / REPORT).write_text(report_html(self), encoding="utf-8")
        write_json(self.to_dict(), folder / ABOUT)

    def save_figures(self, folder: Path) -> None:
        """Write each picture as PDF and SVG."""
        from abm.discovery.report import pictures
        from abm.output.picture_files import picture_bytes

        for picture in pictures(self):
            for kind in ("pdf", "svg"):
                (folder / f"{picture.name}.{kind}").write_bytes(picture_bytes(picture.figure, kind))
        write_json({"command": self.method["command"], "versions": self.method["versions"]}, folder / FIGURES[-1])


def discover(
    sweep: Any,
    where: str | None = None,
    *,
    above: str | None = None,
    below: str | None = None,
    factors: str | Iterable[str] = (),
    resamples: int = RESAMPLES,
    seed: int = 0,
    out: str | os.PathLike | None = None,
    overwrite: bool = False,
    figures: str | os.PathLike | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Discovery:
    """Find where in the space of factors an outcome happens: a box of limits, by PRIM.

    Parameters
    ----------
    sweep : path, SweepResults or DataFrame
        Finished; or a row a run: factors and outcomes, as `abm.compare` takes them.
    where : str, optional
        A condition on outcomes, such as "structure == 'monopoly'" or "sector_hhi > 6400 and survival < 0.2": runs that
        meet it are the cases.
    above, below : str, optional
        `OUTCOME=VALUE`: the outcome lies above or below it. All that is given must hold.
    factors : str or sequence of str
        Those that are searched; all by default. Of a frame, the columns that are factors.
    resamples : int
        Bootstrap resamples of the design points, in each of which the search is made anew.
    seed : int
        Of resamples, folds and trees.
    out : path, optional
        Directory to write; nothing is written by default.
    overwrite : bool
        Replace an earlier discovery there, and earlier figures.
    figures : path, optional
        Another directory to write: the pictures as PDF and SVG.
    progress : callable, optional
        Called with how many parts are done, and of how many.

    Returns
    -------
    Discovery

    Raises
    ------
    InputError
        If the condition is none, there are fewer than 30 points, or something else cannot be used as asked.

    Examples
    --------
    Of 60 runs with two factors, the cases are those with low churn and a high network effect:

    >>> import pandas as pd
    >>> runs = pd.DataFrame({"churn": np.arange(60) % 6 / 10, "beta": np.arange(60) // 6 / 10})
    >>> runs["hhi"] = np.where((runs["churn"] < 0.25) & (runs["beta"] > 0.45), 7000.0, 1500.0)
    >>> found = discover(runs, "hhi > 6400", factors=["churn", "beta"], resamples=10)
    >>> found.answer
    'churn at most 0.2 and beta at least 0.5: 100% of runs there meet it, 100% of all that do.'
    """
    wanted = (factors,) if isinstance(factors, str) else tuple(factors)
    check_count(resamples, "resamples", FEWEST_RESAMPLES)
    check_seed(seed)
    need_packages(_NEEDED, "a discovery", "discover")
    with contextlib.ExitStack() as folders:
        folder = paper = None
        if figures is not None and out is not None:
            check_separate(out, figures)
        if out is not None:
            folder = folders.enter_context(new_folder(out, overwrite=overwrite, kind="discovery", files=FILES))
        if figures is not None:
            made = new_folder(figures, overwrite=overwrite, kind="discovery's figures", files=FIGURES)
            paper = folders.enter_context(made)
        asked = {
            "where": where,
            "above": above,
            "below": below,
            "factors": wanted,
            "resamples": resamples,
            "seed": seed,
        }
        discovery = _discovered(sweep, asked, out, progress or (lambda done, total: None))
        if folder is not None:
            discovery.save(folder)
        if paper is not None:
            discovery.save_figures(paper)
    return discovery


def _source(sweep: Any, wanted: tuple[str, ...]) -> tuple[Source, SweepResults | None]:
    """The runs, and the sweep that they are of."""
    import pandas as pd

    if isinstance(sweep, pd.DataFrame):
        return source_of_frame(sweep, wanted), None
    if not isinstance(sweep, str | os.PathLike | SweepResults):
        raise InputError(f"{shown(sweep)} is neither a directory's path nor the results of a sweep nor a DataFrame")
    results = sweep if isinstance(sweep, SweepResults) else load_sweep(sweep)
    return source_of_sweep(results, results.folder.name), results


def _condition(asked: dict[str, Any], source: Source) -> Condition:
    outcomes = source.frame[source.outcomes]
    parts = {}
    if asked["where"] is not None:
        parts["where"] = Condition.read(asked["where"], outcomes, source.factors).text
    for name, sign in (("above", ">"), ("below", "<")):
        if asked[name] is not None:
            parts[name] = beyond(asked[name], sign, outcomes)
    if not parts:
        raise InputError("nothing to look for: where = CONDITION, or above or below = OUTCOME=VALUE")
    return Condition.read(joined(parts), outcomes, source.factors)


def _discovered(
    sweep: Any, asked: dict[str, Any], out: str | os.PathLike | None, progress: Callable[[int, int], None]
) -> Discovery:
    """All parts of a discovery."""
    from abm.discovery.wording import answer, notes, sentences_beside

    source, results = _source(sweep, asked["factors"])
    if source.frame.empty:
        raise InputError(f"{source.label}: all {len(source.failures):,} runs failed, so nothing can be searched")
    condition = _condition(asked, source)
    names = chosen_factors(source.factors, asked["factors"])
    met, known = condition.met(source.frame)
    # The order of a frame's rows has no meaning: its words are sorted by the alphabet, unless they are categories.
    order = {name: levels for name, levels in source.levels.items() if results is not None or name in source.as_named}
    space = space_of(source.frame[names], order, met, known)
    if not space.factors:
        raise InputError(f"{source.label}: no factor varies, so there is no space to search")
    if len(space.codes) < LEAST:
        count = len(space.codes)
        raise InputError(f"{source.label}: has {count:,} points with a known outcome, and a box takes at least {LEAST}")
    search = searched(space, asked["resamples"], asked["seed"], progress)
    all_notes = [*condition.hints, *_left_out(source, known, names, space), *notes(search)]
    given = {} if results is None else results.manifest["factors"]
    scales = {name: each["scale"] for name, each in given.items() if isinstance(each, dict) and "scale" in each}
    return Discovery(
        answer(search, condition),
        not search.why_not,
        box_table(search),
        trajectory_table(search),
        stability_of(search),
        tree_table(space, search.root),
        _scores(search, results, source, names, met, known, asked["seed"]),
        all_notes,
        _method(search, condition, source, known, asked) | {"command": _command(sweep, results, asked, out)},
        list(sentences_beside(search, condition)),
        search,
        scales,
    )


def _left_out(source: Source, known: np.ndarray, names: list[str], space: Space) -> Iterator[str]:
    """Which runs and factors are left out."""
    failed, missing = len(source.failures), int((~known).sum())
    if failed:
        yield f"{failed:,} of {failed + len(source.frame):,} runs failed and are left out."
    if missing:
        yield (
            f"{missing:,} of {len(source.frame):,} runs have no value of an outcome that the condition names, and are "
            "left out: they are neither cases nor others."
        )
    if constant := [name for name in names if name not in {factor.name for factor in space.factors}]:
        yield f"Factors that do not vary: {short_list(constant)}."


def _scores(
    search: Search,
    results: SweepResults | None,
    source: Source,
    names: list[str],
    met: np.ndarray,
    known: np.ndarray,
    seed: int,
) -> "pd.DataFrame":
    """Scores of each factor, the highest first."""
    import pandas as pd

    if search.peeled is None:
        return pd.DataFrame({"factor": pd.Series(dtype="str"), "extra_trees": pd.Series(dtype=np.float64)})
    table = extra_trees(search.space, seed)
    if results is not None and "point" in source.frame:
        found = design_indices(results, source.frame["point"].to_numpy(), met, known)
        if found is not None:
            table = table.merge(found[found["factor"].isin(names)], on="factor", how="left")
    return table.sort_values("extra_trees", ascending=False, kind="stable", ignore_index=True)


def _method(
    search: Search, condition: Condition, source: Source, known: np.ndarray, asked: dict[str, Any]
) -> dict[str, Any]:
    """The numbers of the whole, and how all were made."""
    space, best = search.space, search.held
    numbers = {
        "where": condition.text,
        "sweep": source.label,
        "points": len(space.codes),
        "runs": int(space.runs.sum()),
        "cases": int(space.cases.sum()),
        "failed": len(source.failures),
        "without_value": int((~known).sum()),
        "density_of_all": space.density,
    }
    if search.box is not None:
        numbers |= {name: getattr(best, name) for name in ("density", "coverage", "mass")}
    if search.resamples is not None:
        for name in ("density", "coverage"):
            ends = middle_and_ends(getattr(search.resamples, name))
            numbers[f"left_out_{name}"] = dict(zip(("median", "low", "high"), ends))
        numbers["p"] = search.resamples.p
    libraries = {
        name: metadata.version(name) for name in ("ema_workbench", "scikit-learn", "SALib", "scipy", "matplotlib")
    }
    return numbers | {
        "factors": [factor.name for factor in space.factors],
        "resamples": asked["resamples"],
        "seed": asked["seed"],
        "how": HOW,
        "versions": versions() | libraries,
    }


def _command(sweep: Any, results: SweepResults | None, asked: dict[str, Any], out: str | os.PathLike | None) -> str:
    """The command line that makes the same discovery, or the call where it was of a frame."""
    usual = {"where": None, "above": None, "below": None, "factors": (), "resamples": RESAMPLES, "seed": 0}
    given = {name: value for name, value in asked.items() if value != usual[name]}
    if results is None:
        return f"abm.discover(frame, {', '.join(f'{name}={value!r}' for name, value in given.items())})"
    words = ["abm", "discover", str(results.folder if isinstance(sweep, SweepResults) else sweep)]
    for name, value in given.items():
        for each in value if name == "factors" else [value]:
            words += [f"--{name.removesuffix('s') if name == 'factors' else name}", str(each)]
    return shlex.join([*words, "--out", "DIR" if out is None else str(out)])
