"""Whatever `abm.compare` takes, as sources."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from abm.comparison.inputs.labels import path_labels
from abm.comparison.inputs.run_folders import sources_of_runs
from abm.comparison.inputs.sources import Source, source_of_frame, source_of_sweep
from abm.errors import InputError, shown
from abm.output.run_folder import ABOUT as RUN
from abm.sweeps.results import SweepResults, load_sweep
from abm.sweeps.store.contents import MANIFEST


def listed(what: Any) -> Any:
    """What `abm.compare` takes as a frame or a list, whether it was one thing or several.

    Examples
    --------
    >>> listed("sweep"), listed(("one", "two"))
    (['sweep'], ['one', 'two'])
    """
    import pandas as pd

    if isinstance(what, pd.DataFrame):
        return what
    if isinstance(what, str | os.PathLike | SweepResults):
        return [what]
    if not isinstance(what, Iterable):
        raise InputError(f"{shown(what)} is neither a directory's path nor the results of a sweep")
    return list(what)


def read_sources(what: Any, by: Sequence[str] = ()) -> list[Source]:
    """The sources of whatever `abm.compare` takes.

    Parameters
    ----------
    what : path, SweepResults, DataFrame, or a sequence of paths and SweepResults
    by : sequence of str
        Columns of a frame that are factors.

    Raises
    ------
    InputError
        For a directory that holds no results.

    Examples
    --------
    >>> read_sources("no-such-directory")
    Traceback (most recent call last):
    abm.errors.InputError: no-such-directory: holds neither a sweep nor a run
    """
    import pandas as pd

    if isinstance(what, pd.DataFrame):
        return [source_of_frame(what, by)]
    given = listed(what)
    if not given:
        raise InputError("no directory to compare")
    sweeps: dict[int, SweepResults] = {}
    singles: dict[int, Path] = {}
    for place, each in enumerate(given):
        if isinstance(each, SweepResults):
            sweeps[place] = each
        elif not isinstance(each, str | os.PathLike):
            raise InputError(f"{shown(each)} is neither a directory's path nor the results of a sweep")
        elif (Path(each) / MANIFEST).is_file():
            sweeps[place] = load_sweep(each)
        elif (Path(each) / RUN).is_file() and (Path(each) / "outcomes.json").is_file():
            singles[place] = Path(each)
        else:
            raise InputError(f"{each}: holds neither a sweep nor a run")
    labels = dict(zip(sweeps, path_labels([results.folder for results in sweeps.values()]))) if sweeps else {}
    found = {place: source_of_sweep(results, labels[place]) for place, results in sweeps.items()}
    sources = list(found.values()) + list(sources_of_runs(list(singles.values())))
    if singles and min(singles) < min(sweeps, default=len(given)):
        sources = sources[len(found) :] + sources[: len(found)]
    return sources
