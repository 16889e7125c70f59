"""Digests of a finished sweep's files, by which damage is found and kept apart from what is whole.

A table has a digest of each of its row groups and one of its end, which says what is in them; any other file has one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abm.sweeps.store.contents import is_file

Pieces = Sequence[tuple[int, str]]  # of each piece its end in bytes and its digest
_AT_ONCE = 1_000_000  # bytes


def pieces_of(path: Path) -> list[tuple[int, str]]:
    """The pieces of a file that is whole."""
    bounds = []
    if path.suffix == ".parquet":
        about = pq.read_metadata(path)
        groups = [about.row_group(group) for group in range(about.num_row_groups)]
        bounds = [max(_end(group.column(place)) for place in range(group.num_columns)) for group in groups]
    return _digests(path, [*bounds, path.stat().st_size])


def _end(column: pq.ColumnChunkMetaData) -> int:
    """Where a column's bytes end."""
    first = column.data_page_offset
    if column.has_dictionary_page and column.dictionary_page_offset:
        first = min(first, column.dictionary_page_offset)
    return first + column.total_compressed_size


def _digests(path: Path, ends: Sequence[int]) -> list[tuple[int, str]]:
    found, begin = [], 0
    with path.open("rb") as file:
        for end in ends:
            digest, left = hashlib.blake2b(digest_size=16), end - begin
            while left > 0 and (block := file.read(min(left, _AT_ONCE))):
                digest.update(block)
                left -= len(block)
            found.append((end, digest.hexdigest()))
            begin = end
    return found


class Damage:
    """What of a table cannot be used.

    Attributes
    ----------
    all : bool
        Whether none of it can.
    groups : frozenset of int
        The row groups that cannot.
    """

    def __init__(self, groups: Sequence[int] = (), *, all: bool = False) -> None:
        self.all, self.groups = all, frozenset(groups)

    def __bool__(self) -> bool:
        return self.all or bool(self.groups)


def damage_of(path: Path, pieces: Pieces | None) -> Damage:
    """What of a file is not as it was when its pieces' digests were made; without them, what cannot be read."""
    if not is_file(path):
        return Damage(all=True)
    try:
        if pieces is None:
            return _unreadable(path)
        now = _digests(path, [end for end, _ in pieces])
        bad = [place for place, (was, has) in enumerate(zip(pieces, now, strict=True)) if tuple(was) != has]
        if path.stat().st_size != pieces[-1][0] or len(pieces) - 1 in bad:
            return Damage(all=True)
        return Damage(bad)
    except OSError:
        return Damage(all=True)


def _unreadable(path: Path) -> Damage:
    """Row groups whose checksums are wrong, of a sweep from before there were digests."""
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


def damages(folder: Path, files: Mapping[str, Pieces | None], largest: float) -> dict[str, Damage]:
    """What is damaged of some files in a folder, by name; of those with more bytes than `largest` only their size."""
    found = {}
    for name, pieces in files.items():
        path = folder / name
        is_large = is_file(path) and path.stat().st_size > largest
        if is_large and (pieces is None or path.stat().st_size == pieces[-1][0]):
            continue
        if damage := damage_of(path, pieces):
            found[name] = damage
    return found
