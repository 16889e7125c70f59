"""Part files: each holds the finished runs of one chunk and is written whole or not at all.

A part is a ZIP file of Parquet tables, and its name is a hash of its content. The table `runs` has a row for each run:
its key and seed, whether it failed, and how many rows it has in each of the other tables. These hold the rows of the
runs one after another, in the same order.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abm.output.files import write_durably
from abm.output.stored import Damaged

RUNS = pa.schema(
    [("key", pa.string()), ("seed", pa.int64()), ("failed", pa.bool_()), ("seconds", pa.float64())],
)
SUFFIX = ".part"
# Folders in `working`: of the parts, and of a file for each run that took longer than --run-timeout.
PARTS, TIMED_OUT = "parts", "lost"
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the date of every member, so that equal content gives equal bytes


class DamagedPart(Damaged):
    """A part that has changed since it was written."""


def write_part(folder: Path, tables: Mapping[str, pa.Table]) -> Path:
    """Write tables as one part, and return its path when it is on the disk; `runs` counts the rows of the others."""
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
    """One table of a part; raises DamagedPart if it cannot be read."""
    try:
        # Without a buffer only the table's own bytes are read: some file systems have buffers larger than most tables.
        with path.open("rb", buffering=0) as file, zipfile.ZipFile(file) as archive:
            return pq.ParquetFile(pa.BufferReader(archive.read(name))).read()
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, pa.ArrowException, EOFError) as problem:
        reason = " ".join(str(problem).split())
        raise DamagedPart(f"{path}: is damaged: {reason}; the same command, given again, makes its runs anew") from None


def check_part(path: Path) -> pa.Table:
    """The table `runs` of a part; raises DamagedPart if the part is damaged."""
    check_hash(path)
    return read_table(path, "runs")


def check_hash(path: Path) -> None:
    """Raise DamagedPart if the content of a part does not have the hash in its name."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=12))
    if digest.hexdigest() + SUFFIX != path.name:
        raise DamagedPart(f"{path}: is damaged: its name is not the hash of its content")
