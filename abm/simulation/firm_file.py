"""Firm tables as files, and the folder of a run from which another run continues."""

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.output.run_folder import ABOUT, FIRMS, read_about
from abm.output.stored import parquet_errors
from abm.simulation.table_file import DEMAND

if TYPE_CHECKING:
    import os

    import pyarrow as pa


def is_run(path: "str | os.PathLike") -> bool:
    """Whether a path is the folder of a run."""
    try:
        return Path(path, ABOUT).is_file() and Path(path).is_dir()
    except (OSError, ValueError, TypeError):  # a path that no file can have
        return False


def table_bytes(path: Path) -> bytes:
    """The content of a firm table's file; of a run's folder its last firms and the demand that they met, as Parquet.

    Raises
    ------
    InputError
        If the folder is not a complete run, or was written by a version that kept no demand.
    """
    if not is_run(path):
        return path.read_bytes()
    from pyarrow import parquet

    demand = read_about(path).get("demand")
    try:
        data = (path / FIRMS).read_bytes()
    except OSError as problem:
        raise InputError(f"{path / FIRMS}: {problem.strerror}") from None
    try:
        table = parquet.ParquetFile(io.BytesIO(data)).read()
    except parquet_errors() as problem:
        raise InputError(f"{path / FIRMS}: not a readable Parquet file: {' '.join(str(problem).split())}") from None
    if not isinstance(demand, dict) or not all(type(each) is float and 0.0 < each <= 1e12 for each in demand.values()):
        raise InputError(
            f"{path / ABOUT}: it tells no demand for each sector, as runs of earlier versions do not; "
            f"--firms {path / FIRMS} takes the firms alone"
        )
    return written(table, demand)


def written(table: "pa.Table", demand: dict[str, float] | None) -> bytes:
    """A firm table as a Parquet file, with the demand that it brings."""
    from pyarrow import parquet

    own = {} if demand is None else {DEMAND: json.dumps(demand).encode()}
    into = io.BytesIO()
    parquet.write_table(table.replace_schema_metadata((table.schema.metadata or {}) | own), into, compression="zstd")
    return into.getvalue()
