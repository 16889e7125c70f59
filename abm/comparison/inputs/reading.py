"""Read what `abm.compare` accepts as sources of runs."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from abm.comparison.inputs.labels import path_labels
from abm.comparison.inputs.run_folders import sources_of_runs
from abm.comparison.inputs.sources import Source, source_of_frame, source_of_sweep
from abm.errors import InputError, shown
from abm.output.run_folder import ABOUT as RUN
from abm.sweeps.results import load_sweep
from abm.sweeps.store.contents import MANIFEST
from abm.sweeps.sweep_results import SweepResults


def as_list(what: Any) -> Any:
    """A frame as it is, anything else as a list."""
    import pandas as pd

    if isinstance(what, pd.DataFrame):
        return what
    if isinstance(what, str | os.PathLike | SweepResults):
        return [what]
    if not isinstance(what, Iterable):
        raise InputError(f"{shown(what)} is neither a directory's path nor the results of a sweep")
    return list(what)


def read_sources(
    what: Any, by: Sequence[str] = (), *, partial: bool = False, complete_only: bool = True
) -> list[Source]:
    """The sources of a frame, of sweeps and of directories of single runs.

    Parameters
    ----------
    what : path, SweepResults, DataFrame, or a sequence of paths and SweepResults
    by : sequence of str
        Names factors of a frame.
    partial : bool
        Read sweeps that are not finished, too.
    complete_only : bool
        Of those with common seeds, read only replications that every point has.
    """
    import pandas as pd

    if isinstance(what, pd.DataFrame):
        return [source_of_frame(what, by)]
    given = as_list(what)
    if not given:
        raise InputError("no directory to compare")
    sweeps: dict[int, SweepResults] = {}
    singles: dict[int, Path] = {}
    for index, each in enumerate(given):
        if isinstance(each, SweepResults):
            sweeps[index] = each
        elif not isinstance(each, str | os.PathLike):
            raise InputError(f"{shown(each)} is neither a directory's path nor the results of a sweep")
        elif (Path(each) / MANIFEST).is_file():
            sweeps[index] = load_sweep(each, partial=partial)
        elif (Path(each) / RUN).is_file() and (Path(each) / "outcomes.json").is_file():
            singles[index] = Path(each)
        else:
            raise InputError(f"{each}: holds neither a sweep nor a run")
    labels = dict(zip(sweeps, path_labels([results.folder for results in sweeps.values()]))) if sweeps else {}
    found = {index: source_of_sweep(results, labels[index], complete_only) for index, results in sweeps.items()}
    sources = list(found.values()) + list(sources_of_runs(list(singles.values())))
    if singles and min(singles) < min(sweeps, default=len(given)):
        sources = sources[len(found) :] + sources[: len(found)]
    return sources
