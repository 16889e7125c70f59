"""The user's own firms as a panel, and the moments that are taken from it."""

from pathlib import Path

import numpy as np

from abm.calibration.panel_moments import MOMENTS, Panel
from abm.errors import InputError
from abm.market.arrays import CUSTOMER_FLOOR
from abm.scenario.parameters import FIRM_COLUMNS, Parameter
from abm.simulation.table_cells import Cells, Layout
from abm.simulation.table_file import read_cells

_STEP = Parameter("step", "t", "firm", "int", "[0, 1e7]", None, None, "step", "–", "Step of the market.")
_BASE = Parameter("B", "B", "firm", "float", f"[{CUSTOMER_FLOOR:g}, inf)", None, None, "customers", "–", "Customers.")
# A run's own panel.parquet is such a file; of its columns these are passed over.
_IGNORED = ("id", "strategy", "T", "C", "F", "theta", "name", "P", "Q", "omega", "share", "age", "revenue")
_LAYOUT = Layout(
    "file of firms", ("firm", "step", "sector", "B", "R", *_IGNORED), ("step", "B", "R"), "a row a firm and step",
    required=("step",),
)  # fmt: skip


def read_panel(path: Path, sectors: list[str], moments: tuple[str, ...]) -> Panel:
    """A CSV or Parquet file of firms as a panel.

    Parameters
    ----------
    path : Path
        With a row a firm and step: `firm` (a run's `id` does as well), `step`, and `sector`, `B`, `R` as known.
    sectors : list of str
        Names of the scenario's sectors; without a column `sector` all firms are in one.
    moments : tuple of str
        What is to be computed from it.

    Raises
    ------
    InputError
        By file, row and column: a column that a moment needs is missing, a firm has two rows of one step, there is one
        step, or steps are not evenly spaced.
    """
    cells = read_cells(path, _LAYOUT)
    name = "firm" if "firm" in cells.columns else "id"
    if name not in cells.columns:
        raise InputError(f"{path}: column 'firm' is missing")
    for moment in moments:
        for column in MOMENTS[moment].needs:
            if column not in cells.columns:
                raise InputError(f"{path}: column {column!r} is missing, which the moment {moment} needs")
    labels = cells.columns[name]
    for row, label in enumerate(labels):
        if label == "":
            cells.refuse(row, f"{name} is missing")
    firm = np.unique(np.array([str(label) for label in labels]), return_inverse=True)[1]
    step = cells.numbers("step", _STEP).astype(np.int64)
    needed = {column for moment in moments for column in MOMENTS[moment].needs}
    numbers = {
        column: cells.numbers(column, _BASE if column == "B" else FIRM_COLUMNS[column]) for column in sorted(needed)
    }
    has_sectors = "sector" in cells.columns
    sector = cells.places("sector", sectors) if has_sectors else np.zeros(cells.rows, dtype=np.int64)
    panel = Panel(firm, step, sector, numbers.get("B"), numbers.get("R"))
    _check(panel, firm, step, cells, labels)
    return panel


def _check(panel: Panel, firm: np.ndarray, step: np.ndarray, cells: Cells, labels: list) -> None:
    if len(panel.steps) < 2:
        raise InputError(f"{cells.label}: has one step, {panel.steps[0]}; moments of change need two or more")
    gaps = np.diff(panel.steps)
    odd = np.flatnonzero(gaps % panel.spacing)
    if odd.size:
        pair = f"{panel.steps[odd[0]]} and {panel.steps[odd[0] + 1]}"
        raise InputError(f"{cells.label}: steps {pair} do not lie a multiple of {panel.spacing} apart, as others do")
    _, first, count = np.unique(np.stack([firm, step]), axis=1, return_index=True, return_counts=True)
    if (count > 1).any():
        row = int(first[np.argmax(count > 1)])
        raise InputError(f"{cells.label}: firm {labels[row]!r} has {count.max()} rows of step {step[row]}")
