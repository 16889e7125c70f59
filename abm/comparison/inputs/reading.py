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
from abm.sweeps.results import SweepResults, load_sweep
from abm.sweeps.store.contents import MANIFEST


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


def read_sources(what: Any, by: Sequence[str] = ()) -> list[Source]:
    """The sources of a frame, of sweeps and of directories of single runs; `by` names factors of a frame."""
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
            sweeps[index] = load_sweep(each)
        elif (Path(each) / RUN).is_file() and (Path(each) / "outcomes.json").is_file():
            singles[index] = Path(each)
        else:
            raise InputError(f"{each}: holds neither a sweep nor a run")
    labels = dict(zip(sweeps, path_labels([results.folder for results in sweeps.values()]))) if sweeps else {}
    found = {index: source_of_sweep(results, labels[index]) for index, results in sweeps.items()}
    sources = list(found.values()) + list(sources_of_runs(list(singles.values())))
    if singles and min(singles) < min(sweeps, default=len(given)):
        sources = sources[len(found) :] + sources[: len(found)]
    return sources
