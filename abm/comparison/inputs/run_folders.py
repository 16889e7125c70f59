"""Directories of single runs: runs of one scenario with different seeds are one source."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from abm.comparison.inputs.labels import differing_parameters, level_text, path_labels
from abm.comparison.inputs.sources import KEEPS, Source, required_settings
from abm.errors import InputError
from abm.output.run_folder import ABOUT as RUN
from abm.output.stored import ScenarioShape, Shape, parquet_errors, read_object
from abm.scenario.flat_names import flat_with_common

if TYPE_CHECKING:
    import pandas as pd


class _VersionsShape(Shape):
    """The versions of the programs that made a run."""

    abm: str


class _RuleShape(Shape):
    """A rule of the user's own that a run followed."""

    sha256: str


class _RunShape(Shape):
    """What a comparison reads from the file that describes a run."""

    scenario: ScenarioShape
    seed: int
    versions: _VersionsShape
    every: int = 1
    firm_table_hash: str | None = None
    rules: dict[str, _RuleShape] = Field(default_factory=dict)
    each_step: str | None = None


class _OutcomesShape(Shape):
    """A run's outcomes."""

    __pydantic_extra__: dict[str, bool | int | float | str | None]


@dataclass(frozen=True)
class _Single:
    """A directory of one run."""

    folder: Path
    about: Mapping[str, Any]
    outcomes: Mapping[str, Any]

    @property
    def scenario(self) -> str:
        """What a run was made of but its seed, as a text that is equal for the runs of one source."""
        own = {name: rule["sha256"] for name, rule in self.about.get("rules", {}).items()}
        start = self.about["scenario"], self.about.get("firm_table_hash")
        return json.dumps([*start, own, self.about.get("each_step")], sort_keys=True)


def sources_of_runs(folders: Sequence[Path]) -> Iterator[Source]:
    """A source for each scenario; of two runs with the same seed the first counts."""
    scenarios: dict[str, dict[int, _Single]] = {}
    for folder in folders:
        run = _Single(
            folder, read_object(folder / RUN, _RunShape), read_object(folder / "outcomes.json", _OutcomesShape)
        )
        scenarios.setdefault(run.scenario, {}).setdefault(run.about["seed"], run)
    groups = [list(runs.values()) for runs in scenarios.values()]
    labels = _labels_of_scenarios([runs[0] for runs in groups])
    for label, runs in zip(labels, groups):
        yield _source_of_runs(label, runs)


def _source_of_runs(label: str, runs: Sequence[_Single]) -> Source:
    """A source of runs of one scenario with different seeds."""
    import pandas as pd

    infinite = {"inf": math.inf, "-inf": -math.inf}  # as JSON has them
    rows = [{name: infinite.get(value, value) for name, value in run.outcomes.items()} for run in runs]
    frame = pd.DataFrame(rows)
    for name in frame:  # a column of nothing but nulls is a number that none of the runs has
        if frame[name].isna().all():
            frame[name] = frame[name].astype(float)
    frame.insert(0, "seed", [run.about["seed"] for run in runs])

    def read(table: str, columns: Iterable[str] | None = None) -> "pd.DataFrame":
        wanted = None if columns is None else list(columns)
        tables = [_table(run.folder / f"{table}.parquet", wanted) for run in runs]
        rows = pd.concat(tables, ignore_index=True)
        rows.insert(0, "run", np.repeat(np.arange(len(runs)), [len(each) for each in tables]))
        return rows

    left_out = {name: option for name, (_, option) in KEEPS.items() if not all(_keeps(run, name) for run in runs)}
    about = runs[0].about
    same = required_settings(about["scenario"], "run", about["versions"]["abm"], about.get("firm_table_hash"))
    failures = pd.DataFrame()
    return Source(label, frame, (), flat_with_common(about["scenario"]), same, failures, read, left_out)


def _keeps(run: _Single, table: str) -> bool:
    """Whether a run's directory has rows of a table."""
    if table in ("steps", "sectors") and not run.about.get("every", 1):
        return False
    return (run.folder / f"{table}.parquet").exists()


def _labels_of_scenarios(runs: Sequence[_Single]) -> list[str]:
    """Distinct labels of scenarios: their names, else the parameters that differ, else a directory of each."""
    names = [run.about["scenario"]["name"] for run in runs]
    if len(set(names)) == len(names):
        return names
    values = [flat_with_common(run.about["scenario"]) for run in runs]
    differing = differing_parameters(values)
    labels = [", ".join(f"{name}={level_text(each[name])}" for name in differing) for each in values]
    if 1 <= len(differing) <= 3 and len(set(labels)) == len(labels):
        return labels
    return path_labels([run.folder for run in runs])


def _table(path: Path, columns: list[str] | None) -> "pd.DataFrame":
    """A run's table, or some of its columns."""
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=columns)
    except parquet_errors() as problem:
        raise InputError(f"{path}: is damaged: {' '.join(str(problem).split())}") from None
