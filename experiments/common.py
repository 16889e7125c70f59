"""What all experiments share: options, a folder of results with a README whose numbers are computed, and the index.

An experiment is a script with a `main` that looks like

    with experiment(__doc__, "circles") as out:
        ...
        out.table("growth", frame)
        out.picture("growth", figure)
        out.answer("Growth starts above T = 1.11 [1.10, 1.12].")
"""

import argparse
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from abm import Scenario, sweep
from abm.comparison.statistics.intervals import mean_intervals, wilson
from abm.output.lettering import letter
from abm.output.number_text import minus_signs
from abm.sweeps import Design, SweepResults

RESULTS = Path(__file__).parents[1] / "results"
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000")
WEIGHTS = np.array([0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95])  # of strategies, in the experiments on weights


@dataclass
class Experiment:
    """What a script writes, and whether it makes the smaller number of runs.

    Attributes
    ----------
    name : str
    folder : Path
    quick : bool
        Fewer runs, for a first look and for tests.
    """

    name: str
    folder: Path
    quick: bool
    question: str
    lines: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def runs(self, whole: int, quick: int) -> int:
        """The number of runs: `quick` if the experiment is to be quick, else `whole`."""
        return quick if self.quick else whole

    def table(self, name: str, frame: pd.DataFrame, title: str = "") -> None:
        """Write a table as CSV, and show it in the README under its title if it has one."""
        frame.to_csv(self.folder / f"{name}.csv", index=False, float_format="%.6g")
        if title:
            self.lines += [f"## {title}", "", markdown(frame), "", f"([{name}.csv]({name}.csv))", ""]

    def picture(self, name: str, figure: Figure, title: str = "") -> None:
        """Write a picture as PNG, and show it in the README."""
        letter(figure).savefig(self.folder / f"{name}.png", dpi=110)
        self.lines += [f"![{title or name}]({name}.png)", ""]

    def text(self, paragraph: str) -> None:
        """Add a paragraph to the README."""
        self.lines += [paragraph, ""]

    def answer(self, sentence: str, supported: bool = True) -> None:
        """Add a sentence to the findings; a claim that the runs do not support is marked as not supported."""
        self.answers.append(sentence if supported else f"Not supported: {sentence}")


@contextlib.contextmanager
def experiment(document: str, name: str) -> Iterator[Experiment]:
    """Read the options, time the block, and write the README and the index of all results.

    Parameters
    ----------
    document : str
        The script's docstring: its first line is the question.
    name : str
        Of the script and of its folder in `results/`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m experiments.{name}", description=document.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs: under 20 s")
    parser.add_argument("--out", type=Path, metavar="DIR", help=f"where to write (default: results/{name})")
    options = parser.parse_args()
    folder = options.out or RESULTS / name
    folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    out = Experiment(name, folder, options.quick, document.splitlines()[0])
    yield out
    seconds = time.monotonic() - started
    command = f"python -m experiments.{name}" + (" --quick" if options.quick else "")
    answers = [minus_signs(sentence) for sentence in out.answers]
    found = [f"- {sentence}" for sentence in answers]
    head = [f"# {out.question}", "", *found, "", f"Made by `{command}` in {seconds:.0f} s.", ""]
    (folder / "README.md").write_text(minus_signs("\n".join(head + out.lines)), encoding="utf-8")
    about = {"question": out.question, "answers": answers, "command": command}
    (folder / "answer.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write("\n".join([out.question, *found, f"{folder}, {seconds:.0f} s", ""]))
    if options.out is None:
        write_index()


@contextlib.contextmanager
def swept(
    scenario: Scenario, design: str, *, workers: int | None = None, **tables: pd.DataFrame
) -> Iterator[SweepResults]:
    """The results of a sweep, in a folder that is removed after the block.

    Parameters
    ----------
    scenario : Scenario
    design : str
        TOML text of all but the scenario.
    workers : int, optional
    **tables : DataFrame
        Tables that the text refers to as NAME.csv.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "scenario.toml").write_text(scenario.to_toml(), encoding="utf-8")
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
        text = f'scenario = "scenario.toml"\n{design}'
        yield sweep(Design.from_toml(text, folder=folder), folder / "sweep", workers=workers)


def write_index() -> None:
    """Make the table of experiments in `results/README.md` from what each has found."""
    index = RESULTS / "README.md"
    head = index.read_text(encoding="utf-8").split("## Experiments")[0].rstrip()
    rows = ["| question | answer | command |", "| --- | --- | --- |"]
    for path in sorted(RESULTS.glob("*/answer.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        answer = about["answers"][0].replace("|", "\\|") if about["answers"] else ""
        rows.append(f"| [{about['question']}]({path.parent.name}/README.md) | {answer} | `{about['command']}` |")
    index.write_text(f"{head}\n\n## Experiments\n\n" + "\n".join(rows) + "\n", encoding="utf-8")


def mean_with_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean over independent runs and its interval; missing ones left out.

    Examples
    --------
    >>> mean_with_interval([1.0, 1.0, 1.0])
    (1.0, 1.0, 1.0)
    """
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not known.size:
        return float("nan"), float("nan"), float("nan")
    low, high = mean_intervals(known[:, np.newaxis], level)
    return float(known.mean()), float(low[0]), float(high[0])


def means_with_intervals(values: np.ndarray, level: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of each column over independent runs, the rows, and the ends of its interval; missing ones left out."""
    return np.nanmean(values, axis=0), *mean_intervals(values, level, binary=np.zeros(values.shape[1], dtype=bool))


def share_with_interval(flags: Sequence[bool], level: float = 0.95) -> tuple[float, float, float]:
    """Share of independent runs that have something, and its Wilson interval."""
    flags = np.asarray(flags, dtype=bool)
    low, high = wilson(np.array([flags.sum()]), np.array([len(flags)]), level)
    return float(flags.mean()), float(low[0]), float(high[0])


def named(name: str, ends: Iterable) -> dict[str, Any]:
    """A number and its interval as columns of a table.

    Examples
    --------
    >>> named("return", (0.5, 0.4, 0.6))
    {'return': 0.5, 'return low': 0.4, 'return high': 0.6}
    """
    return dict(zip((name, f"{name} low", f"{name} high"), ends))


def cited(row: Mapping[str, Any], name: str, digits: int = 3) -> str:
    """A number with its interval, for a sentence, from columns that are `named`."""
    return shown(row[name], row[f"{name} low"], row[f"{name} high"], digits)


def first_firms(scenario: Scenario, points: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Survival and return of the first firms of each strategy, by one sweep with the same seeds at every point.

    Parameters
    ----------
    scenario : Scenario
        Of one sector; its strategies have equal weights and start with equally many firms.
    points : DataFrame
        A row a point, a column a parameter.
    count : int
        Runs at each point.

    Returns
    -------
    survival, returns : float64 array, shape (points, runs, strategies)
        Share of the strategy's first firms that survive to the end, and the mean of their smoothed return at the end, 0
        for those that failed.
    """
    text = f"""
        design = {{method = "list", file = "points.csv"}}
        replications = {{count = {count}}}
        collect = {{firms = true}}"""
    with swept(scenario, text, points=points) as results:
        firms = results.read("firms", ["id", "strategy", "R_smoothed"])
    firms = firms[firms["id"] < scenario.initial_firms]
    names = [strategy.name for strategy in scenario.strategies]
    survival, returns = np.zeros((2, len(points), count, len(names)))
    place = (firms["point"], firms["replication"], pd.Index(names).get_indexer(firms["strategy"]))
    np.add.at(survival, place, len(names) / scenario.initial_firms)
    np.add.at(returns, place, firms["R_smoothed"].to_numpy() * len(names) / scenario.initial_firms)
    return survival, returns


def by_weight(points: pd.DataFrame, weight: str, survival: np.ndarray, returns: np.ndarray) -> pd.DataFrame:
    """Return and survival of each of `WEIGHTS` at each point, with 95 % intervals of each by itself."""
    table = points.iloc[np.repeat(np.arange(len(points)), len(WEIGHTS))].reset_index(drop=True)
    table[weight] = np.tile(WEIGHTS, len(points))
    for name, values in (("return", returns), ("survival", survival)):
        columns = values.transpose(1, 0, 2).reshape(values.shape[1], -1)
        table = table.assign(**named(name, means_with_intervals(columns)))
    return table


def behind_best(returns: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """Which weight earns most, and by how much each is behind it.

    Parameters
    ----------
    returns : float64 array, shape (runs, weights)

    Returns
    -------
    int
    low, high : float64 array, shape (weights,)
        Of pairs; the intervals hold together at 95 % (Bonferroni). A weight is among the best if low is not above 0.
    """
    best = int(returns.mean(axis=0).argmax())
    behind = returns[:, [best]] - returns
    return best, *mean_intervals(behind, 1.0 - 0.05 / (returns.shape[1] - 1))


def shown(value: float, low: float, high: float, digits: int = 3) -> str:
    """A number with its interval, for a sentence.

    Examples
    --------
    >>> shown(0.51234, 0.48, 0.55)
    '0.512 [0.48, 0.55]'
    """
    return f"{value:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def band(axes: Axes, x: ArrayLike, ends: Sequence[ArrayLike], colour: str, **style: Any) -> None:
    """A line of middles, with the area between the lower and the upper ends behind it."""
    middle, low, high = ends
    axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, middle, color=colour, **style)


def beside(
    axes: Axes, x: ArrayLike, ends: Sequence[ArrayLike], colour: str, place: float, *, ratio: bool = False, **style: Any
) -> None:
    """A line of middles whose intervals are bars, moved sideways so that the bars of several lines do not overlap.

    `place` is the distance, in units of the axis; on a logarithmic axis (`ratio`) it is a factor less 1.
    """
    middle, low, high = (np.asarray(each, dtype=float) for each in ends)
    moved = np.asarray(x, dtype=float) * (1.0 + place) if ratio else np.asarray(x, dtype=float) + place
    bars = np.maximum([middle - low, high - middle], 0.0)
    axes.errorbar(moved, middle, bars, color=colour, elinewidth=1, capsize=2, linewidth=1.3, **style)


def value_map(axes: Axes, cells: pd.DataFrame, **style: Any) -> QuadMesh:
    """A coloured cell for each value of a table, with its index upwards and its columns to the right."""
    axes.set_xticks(np.arange(len(cells.columns)) + 0.5, [f"{each:g}" for each in cells.columns])
    axes.set_yticks(np.arange(len(cells)) + 0.5, [f"{each:g}" for each in cells.index])
    return axes.pcolormesh(cells.to_numpy(), edgecolor="white", **style)


def markdown(frame: pd.DataFrame) -> str:
    """A table in Markdown, numbers to four digits."""
    rows = [[f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row] for row in frame.to_numpy(object)]
    lines = [list(map(str, frame.columns)), ["---"] * frame.shape[1], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
