"""Pictures of paths of markets, survival of firms, and interval widths."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from abm.comparison.report.canvas import MOST_PANELS, TEXT, drawing, dress, legend, new_figure, panels, styles, tell
from abm.comparison.report.pictures import under_legend
from abm.comparison.report.wording import MOST_BANDS, measure_name
from abm.comparison.tables.survival import ALL
from abm.output.marks import Mark, mark_changes
from abm.output.number_text import axis_number, number
from abm.output.style import GREY, fit
from abm.output.thinning import rows_with_peaks

if TYPE_CHECKING:
    import pandas as pd

_STRETCHES = 80  # of a line, whose peaks are drawn; a small panel shows no more


def _lines(
    ax: Any,
    own: "pd.DataFrame",
    key: str,
    line_styles: dict[str, dict[str, Any]],
    names: tuple[str, str, str],
    *,
    stepped: bool = False,
) -> None:
    """A line for each name, with its band where there are few lines."""
    middle, low, high = names
    there = [name for name in line_styles if name in set(own[key].astype(str))]
    for name in there:
        rows = own[own[key].astype(str) == name]
        rows = rows.iloc[rows_with_peaks(rows[list(names)].to_numpy(float), _STRETCHES)]
        style = {"drawstyle": "steps-post"} if stepped else {}
        ax.plot(rows["step"], rows[middle], lw=1.5, **line_styles[name], **style)
        if len(there) <= MOST_BANDS:
            ax.fill_between(rows["step"], rows[low].to_numpy(float), rows[high].to_numpy(float), lw=0, alpha=0.18,
                            color=line_styles[name]["color"], step="post" if stepped else None)  # fmt: skip


def _handles(line_styles: dict[str, dict[str, Any]]) -> list[Line2D]:
    return [Line2D([], [], lw=2, **style) for style in line_styles.values()]


def _format_panel(ax: Any, title: str, x: str) -> None:
    dress(ax, fit(title, 2.1), x)
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        side.set_major_formatter(axis_number)


@drawing
def paths(table: "pd.DataFrame", title: str = "", marks: Sequence[Mark] = ()) -> Figure:
    """Median over runs of each measure by step, a line for each group, with bands from 10 to 90 % of the runs.

    `marks` are the changes on the way, each a name, a step and the step at which it ends.
    """
    measures = list(dict.fromkeys(table["measure"]))[:MOST_PANELS]
    line_styles = styles([str(group) for group in dict.fromkeys(table["group"])])
    figure, axes = _panels_with_legend(len(measures), line_styles, title)
    for ax, measure in zip(axes, measures):
        name = measure_name(measure)
        _lines(ax, table[table["measure"] == measure], "group", line_styles, ("median", "q10", "q90"))
        _format_panel(ax, name, "step (quarter)")
        mark_changes(ax, marks, size=TEXT - 2.5)
        if measure.startswith("share_"):
            ax.set_ylim(bottom=0.0)
    return figure


@drawing
def change_paths(table: "pd.DataFrame", title: str = "") -> Figure:
    """Median over pairs of runs of each measure's difference from the baseline, by step since the change."""
    measures = list(dict.fromkeys(table["measure"]))[:MOST_PANELS]
    line_styles = styles([str(group) for group in dict.fromkeys(table["group"])])
    figure, axes = _panels_with_legend(len(measures), line_styles, title)
    own = table.rename(columns={"since": "step"})
    for ax, measure in zip(axes, measures):
        ax.axhline(0.0, color=GREY, lw=0.8)
        ax.axvline(0.0, color=GREY, lw=0.8)
        _lines(ax, own[own["measure"] == measure], "group", line_styles, ("median", "q10", "q90"))
        _format_panel(ax, measure_name(measure), "steps since the change")
    return figure


@drawing
def survival_by_group(table: "pd.DataFrame", title: str = "") -> Figure:
    """Survival of all firms, a line for each group."""
    own = table[(table["strategy"] == ALL) & (table["sector"] == ALL) & (table["cohort"] == ALL)]
    line_styles = styles([str(group) for group in dict.fromkeys(table["group"])])
    figure, ax = under_legend((0.75, 0.55, 7.0, 2.4), _handles(line_styles), list(line_styles), title)
    _lines(ax, own, "group", line_styles, ("survival", "low", "high"), stepped=True)
    dress(ax, "", "age of the firm in steps (quarters)", "share of firms that survive")
    ax.set_ylim(0.0, 1.02)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(axis_number)
    return figure


@drawing
def survival_by_part(table: "pd.DataFrame", part: str) -> Figure:
    """Survival in each group, a line for each strategy, sector or cohort (`part`)."""
    own = table[table[part] != ALL]
    groups = [str(group) for group in dict.fromkeys(table["group"])][:MOST_PANELS]
    line_styles = styles(list(dict.fromkeys(own[part].astype(str))))
    figure, axes = _panels_with_legend(len(groups), line_styles, part)
    for ax, group in zip(axes, groups):
        _lines(ax, own[own["group"].astype(str) == group], part, line_styles, ("survival", "low", "high"), stepped=True)
        _format_panel(ax, group, "age (steps)")
        ax.set_ylim(0.0, 1.02)
        ax.set_xlim(left=0)
    return figure


def _panels_with_legend(count: int, line_styles: dict[str, dict[str, Any]], title: str) -> tuple[Figure, list[Any]]:
    """Small panels below the legend of their lines, whose height is known only after it is drawn once."""
    above = legend(new_figure(1.0), _handles(line_styles), list(line_styles), title)
    figure, axes = panels(count, above)
    legend(figure, _handles(line_styles), list(line_styles), title)
    return figure, axes


@drawing
def widths(lines: "dict[str, pd.DataFrame]", named: Callable[[str], str] = str) -> Figure:
    """Half-width of the interval of a mean, relative to the mean, by the number of runs, a line for each outcome."""
    line_styles = styles(list(lines))
    figure, ax = under_legend((0.85, 0.55, 6.9, 2.4), _handles(line_styles), list(line_styles))
    for name, own in lines.items():
        ax.plot(own["runs"].to_numpy(float), 100.0 * own["relative"].to_numpy(float), lw=1.5, **line_styles[name])
        for row in own.itertuples():
            (dot,) = ax.plot([row.runs], [100.0 * row.relative], "o", color=line_styles[name]["color"], ms=3)
            width = f"±{number(100.0 * row.relative)}% of the mean (±{number(row.half_width)})"
            tell(dot, name, named(row.group), f"{row.runs:,} runs: {width}")
    ax.set(xscale="log", yscale="log")
    dress(ax, "", "runs", "half-width (% of the mean)")
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
        side.set_minor_locator(NullLocator())
        side.set_major_formatter(axis_number)
    return figure
