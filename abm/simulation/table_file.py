"""Tables as users write them: CSV, Parquet or a DataFrame, read into columns of texts and numbers.

What the columns and cells mean is the caller's: `abm.simulation.firm_table` for firms, `abm.sweeps.design.factors` for
points. A refusal raises `InputError` with one message that names the file, the row and the column.
"""

import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError, shown
from abm.output.stored import parquet_errors
from abm.simulation.table_cells import UNNAMED, Cells, Layout, counts_rows
from abm.simulation.table_csv import read_csv

if TYPE_CHECKING:  # pandas is slow to import and only tables need it
    import pandas as pd

DEMAND = b"abm.demand"  # in the metadata of a Parquet file


def read_cells(source: Any, layout: Layout, data: bytes | None = None) -> Cells:
    """A table from wherever it is, its columns known and each there once.

    Parameters
    ----------
    source : path or DataFrame
        A file that ends in .parquet or .pq is read as Parquet, any other as CSV. A named index counts as a column.
    layout : Layout
        What the table may hold.
    data : bytes, optional
        The content of the path, as Parquet, where it is no file.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = read_cells(pd.DataFrame({"x": [1, 2]}), Layout("table of x", ["x"], ["x"], rows="a row"))
    >>> cells.columns["x"]
    array([1., 2.])
    """
    if not isinstance(source, str | os.PathLike):
        import pandas as pd

        if not isinstance(source, pd.DataFrame):
            raise InputError(f"firms = {shown(source)} is neither a path nor a DataFrame")
        return _with_rows(_from_frame(source, layout.kind, layout), layout)
    path = Path(os.fsdecode(source))
    label = str(path)
    if data is not None:
        return _with_rows(_from_parquet(data, label, layout), layout)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{label}: {error.strerror}") from None
    except ValueError as error:  # a path that no file can have
        raise InputError(f"{label!r}: {error}") from None
    if not data:
        raise InputError(f"{label}: empty; a {layout.kind} starts with the names of its columns")
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    return _with_rows(_from_parquet(data, label, layout) if is_parquet else read_csv(data, label, layout), layout)


def _with_rows(cells: Cells, layout: Layout) -> Cells:
    if not cells.rows:
        raise InputError(f"{cells.label}: no rows; a {layout.kind} has {layout.rows}")
    return cells


def _from_frame(frame: "pd.DataFrame", label: str, layout: Layout) -> Cells:
    levels = [level for level, name in enumerate(frame.index.names) if name is not None]
    names = [frame.index.names[level] for level in levels] + list(frame.columns)
    names = [name.strip() if isinstance(name, str) else name for name in names]
    series = [frame.index.get_level_values(level).to_series() for level in levels]
    series += [frame.iloc[:, place] for place in range(frame.shape[1])]
    kept = [
        place
        for place, (name, column) in enumerate(zip(names, series, strict=True))
        if name not in UNNAMED or not counts_rows(column.tolist())
    ]
    names, series = [names[place] for place in kept], [series[place] for place in kept]
    layout.check(names, label)
    columns = {}
    for name, column in zip(names, series, strict=True):
        if name in layout.numbers and column.dtype.kind in "iuf":
            columns[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        cells = zip(column.tolist(), column.isna(), strict=True)
        if name in layout.numbers:
            columns[name] = [None if missing else cell for cell, missing in cells]
        else:
            columns[name] = ["" if missing else str(cell).strip() for cell, missing in cells]
    return Cells(label, len(frame), columns)


def _from_parquet(data: bytes, label: str, layout: Layout) -> Cells:
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(io.BytesIO(data)).read()
        cells = _from_frame(table.to_pandas(), label, layout)
        demand = (table.schema.metadata or {}).get(DEMAND)
        return cells._replace(demand=json.loads(demand)) if demand else cells
    except InputError:
        raise
    except parquet_errors() as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{label}: not a readable Parquet file: {reason or type(error).__name__}") from None
