"""The curves of a report as numbers that its page draws: one chart a panel, with cursor, zoom and legend."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.report.canvas import MOST_PANELS
from abm.comparison.report.wording import MOST_BANDS, measure_name
from abm.comparison.tables.survival import ALL
from abm.output.charts import Line, Panel, marks_described
from abm.output.marks import Mark
from abm.output.style import dashes, strategy_colours
from abm.output.thinning import rows_with_peaks

if TYPE_CHECKING:
    import pandas as pd

_STRETCHES = 250  # of a line: a chart has no more pixels for each


def paths(table: "pd.DataFrame", marks: Sequence[Mark] = ()) -> dict[str, Any]:
    """Median over runs of each measure by step, a line for each group, with the band from 10 to 90 % of the runs.

    Parameters
    ----------
    table : pandas.DataFrame
        As `Comparison.trajectories`.
    marks : sequence of Mark
        The changes on the way.
    """
    return _charts(_measures(table, "step"), "step (quarter)", "step", marks)


def change_paths(table: "pd.DataFrame") -> dict[str, Any]:
    """Median over pairs of each measure's difference, by step since the change; as `paths`."""
    return _charts(_measures(table, "since", level=0.0), "steps since the change", "since")


def survival(table: "pd.DataFrame", part: str = "", named: Callable[[str], str] = str) -> dict[str, Any]:
    """Survival by age: a line for each group, or for each strategy, sector or cohort (`part`) in a panel a group.

    `named` gives the title of a group's panel.
    """
    other = [name for name in ("strategy", "sector", "cohort") if name != part]
    own = table[(table[other] == ALL).all(axis=1)]
    own = own[own[part] != ALL] if part else own
    key = part or "group"
    names = list(dict.fromkeys(own[key].astype(str)))
    groups = own.groupby(own["group"].astype(str), sort=False) if part else [("", own)]
    drawn = {"y": "share that survives", "stepped": True, "top": 1.0}
    panels = [
        _panel(named(group), rows, key, names, "step", ("survival", "low", "high"), **drawn) for group, rows in groups
    ]
    return _charts(panels[:MOST_PANELS], "age of the firm in steps (quarters)", "age")


def _charts(panels: Iterable[Mapping[str, Any]], x: str, first: str, marks: Sequence[Mark] = ()) -> dict[str, Any]:
    """What a page draws: panels, the name of their horizontal axis and of its values, and its ends."""
    panels = list(panels)
    ends = [end for panel in panels for end in (panel["columns"][0][0], panel["columns"][0][-1])]
    shared = {"x": x, "first": first, "ends": [min(ends), max(ends)], "marks": marks_described(marks)}
    return {"panels": panels, **shared}


def _measures(table: "pd.DataFrame", step: str, **drawn: Any) -> Iterator[dict[str, Any]]:
    """A panel for each measure, a line for each group; `drawn` is what `Panel` takes."""
    groups = [str(group) for group in dict.fromkeys(table["group"])]
    for measure in list(dict.fromkeys(table["measure"]))[:MOST_PANELS]:
        own = table[table["measure"] == measure]
        yield _panel(measure_name(measure), own, "group", groups, step, ("median", "q10", "q90"), **drawn)


def _panel(
    title: str,
    own: "pd.DataFrame",
    key: str,
    names: Sequence[str],
    step: str,
    columns: tuple[str, str, str],
    y: str = "",
    **drawn: Any,
) -> dict[str, Any]:
    """A panel with a line for each name that is there, and the edges of its band where there are few lines."""
    colours = strategy_colours(names)
    own = own.assign(**{key: own[key].astype(str)})
    there = [name for name in names if name in set(own[key])]
    wide = own.pivot_table(index=step, columns=key, values=list(columns), observed=True, dropna=False)
    shown = columns if len(there) <= MOST_BANDS else columns[:1]
    lines, values = [], {step: wide.index.to_numpy(float)}
    for name in there:
        look = {"colour": colours[name], "dash": dashes(names.index(name))}
        of = len(lines)
        for column in shown:
            edge = {} if column == columns[0] else {"edge": True, "of": of}
            lines.append(Line(name, f"{column} of {name}", **look, **edge))
            values[lines[-1].column] = wide[column][name].to_numpy(float)
    table = np.column_stack([*values.values()])
    rows = table[rows_with_peaks(table[:, 1:], _STRETCHES)]
    numbers = [[None if value != value else float(f"{value:.5g}") for value in column] for column in rows.T]
    return Panel(title, y, lines, **drawn).described([*values]) | {"columns": numbers}
