"""Digests of a finished sweep's files, by which damage is found.

A table has a digest of each of its row groups and one of its footer, which describes them. Any other file has one.
"""

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from abm.sweeps.store.contents import is_file

Digests = Sequence[tuple[int, str]]  # for each block of a file where it ends, in bytes, and its digest
_READ_SIZE = 1_000_000  # bytes


def digests_of(path: Path) -> list[tuple[int, str]]:
    """The digests of a file that is not damaged."""
    bounds = []
    if path.suffix == ".parquet":
        about = pq.read_metadata(path)
        groups = [about.row_group(group) for group in range(about.num_row_groups)]
        bounds = [max(_end(group.column(place)) for place in range(group.num_columns)) for group in groups]
    ends = [*bounds, path.stat().st_size]
    with path.open("rb") as file:
        return [(end, _digest(file, begin, end)) for begin, end in itertools.pairwise([0, *ends])]


def _end(column: pq.ColumnChunkMetaData) -> int:
    """Where a column of a row group ends, in bytes."""
    first = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        first = min(first, column.dictionary_page_offset)
    return first + column.total_compressed_size


def _digest(file: BinaryIO, begin: int, end: int) -> str:
    """The digest of a file's bytes from `begin` to before `end`."""
    digest, left = hashlib.blake2b(digest_size=16), end - begin
    file.seek(begin)
    while left > 0 and (block := file.read(min(left, _READ_SIZE))):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest()


class Damage:
    """What is damaged in a file: `all` of it, or the row groups of a table by number."""

    def __init__(self, groups: Sequence[int] = (), *, all: bool = False) -> None:
        self.all, self.groups = all, frozenset(groups)

    def __bool__(self) -> bool:
        return self.all or bool(self.groups)


def damage_of(path: Path, digests: Digests | None, groups: Iterable[int] | None = None) -> Damage:
    """What has changed in a file since its digests were made; without digests, what cannot be read.

    If row groups are given, by their numbers, only these and the footer are looked at.
    """
    if not is_file(path):
        return Damage(all=True)
    try:
        if digests is None:
            return _unreadable(path)
        last = len(digests) - 1
        begins = [0, *(end for end, _ in digests)]
        blocks = range(len(digests)) if groups is None else sorted({last, *groups})
        with path.open("rb") as file:
            changed = [
                block for block in blocks if _digest(file, begins[block], digests[block][0]) != digests[block][1]
            ]
        if path.stat().st_size != digests[last][0] or last in changed:
            return Damage(all=True)
        return Damage(changed)
    except OSError:
        return Damage(all=True)


def _unreadable(path: Path) -> Damage:
    """Row groups with wrong checksums, in a sweep of an earlier version that made no digests."""
    if path.suffix != ".parquet":
        return Damage()
    bad = []
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        return Damage(all=True)
    with file:
        for group in range(file.num_row_groups):
            try:
                file.read_row_group(group)
            except (OSError, pa.ArrowException):
                bad.append(group)
    return Damage(bad)


def damages(folder: Path, files: Mapping[str, Digests | None], largest: float) -> dict[str, Damage]:
    """What is damaged in each damaged file of a folder, by name; files above `largest` bytes are checked by size."""
    found = {}
    for name, digests in files.items():
        path = folder / name
        is_large = is_file(path) and path.stat().st_size > largest
        if is_large and (digests is None or path.stat().st_size == digests[-1][0]):
            continue
        if damage := damage_of(path, digests):
            found[name] = damage
    return found
