"""Part files: the finished runs of one chunk, all their tables in one file that is there whole or not at all.

A part is a ZIP file of Parquet tables, named by a hash of its content: ZIP keeps a checksum of each member, and a
chunk that was computed twice is written to the same name. The member `runs` has a row a run: which it is, whether it
failed, and how many rows it has in each of the other tables, where its rows lie side by side in the same order.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abm.output.files import write_durably

RUNS = pa.schema(
    [("key", pa.string()), ("seed", pa.int64()), ("failed", pa.bool_()), ("seconds", pa.float64())],
)
SUFFIX = ".part"
# Folders in the working one: of parts, and of marks that runs left which took too long.
PARTS, LOST = "parts", "lost"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # a date in every file, so that equal content gives equal bytes


class DamagedPart(Exception):
    """A part that is not as it was written."""


def write_part(folder: Path, tables: Mapping[str, pa.Table]) -> Path:
    """Write tables as one part, on the disk when this returns.

    Parameters
    ----------
    folder : Path
    tables : mapping of str to Table
        `runs`, whose further columns are numbers of rows named after tables, and those tables.

    Returns
    -------
    Path
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, table in tables.items():
            member = io.BytesIO()
            pq.write_table(table, member, compression="zstd", use_dictionary=False)
            archive.writestr(zipfile.ZipInfo(name, _OLDEST), member.getvalue())
    data = content.getvalue()
    path = folder / f"{hashlib.blake2b(data, digest_size=12).hexdigest()}{SUFFIX}"
    write_durably(path, data)
    return path


def read_table(path: Path, name: str) -> pa.Table:
    """One table of a part.

    Raises
    ------
    DamagedPart
        If it is not as it was written.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return pq.read_table(pa.BufferReader(archive.read(name)))
    except (zipfile.BadZipFile, KeyError, pa.ArrowException, EOFError) as problem:
        raise DamagedPart(f"{path}: {problem}") from None


def check_part(path: Path) -> pa.Table:
    """The runs of a part, once all of it was found to be as it was written.

    Raises
    ------
    DamagedPart
        If it was not.
    """
    data = path.read_bytes()
    if hashlib.blake2b(data, digest_size=12).hexdigest() + SUFFIX != path.name:
        raise DamagedPart(f"{path}: its content is not what its name is the hash of")
    return read_table(path, "runs")
