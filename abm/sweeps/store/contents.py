"""The names of all files that a sweep writes into its folder; nothing else is removed, and no link is followed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abm.sweeps.store.parts import PARTS, TIMED_OUT

DESIGN, SCENARIO, MANIFEST, SUMMARY = "design.toml", "scenario.toml", "manifest.json", "summary.json"
WORKING = "working"
MARK = "sweep-folder"  # the empty file in WORKING that shows that a sweep made the folder
CLIENT = "client.json"  # the file in WORKING that names the job of a sweep that was submitted as one
COMMIT = "merged"  # the folder in WORKING whose files become the tables
TOKEN = "sweep-[0-9a-f]{16}"  # pattern of the empty file in WORKING that is named after the design being run
LOCK, SHARD_LOCKS = "lock", "lock-[0-9]+-of-[0-9]+"  # a name, and a pattern of names
LOCKS = f"{LOCK}|{SHARD_LOCKS}"
FIRM_TABLES = ("firm_table.csv", "firm_table.parquet")
TABLES = ("outcomes", "steps", "sectors", "lives", "firms", "panel", "failures")
PLAN_FILES = ("points.parquet", "keys.parquet")
INDEX_TABLES = ("points", "keys", "runs")
FILES = (
    *(DESIGN, SCENARIO, MANIFEST, SUMMARY, *FIRM_TABLES),
    *(f"{name}.parquet" for name in (*INDEX_TABLES, *TABLES)),
)


@dataclass(frozen=True)
class Layout:
    """The files that a folder may hold, as a pattern of names, and its folders, as layouts by pattern."""

    files: str
    folders: Mapping[str, "Layout"] = field(default_factory=dict)

    def has_file(self, name: str) -> bool:
        """Whether a file may have the name, or be such a file half written by `write_durably`."""
        return bool(re.fullmatch(rf"(?:{self.files})|\.(?:{self.files})-[0-9a-f]{{8}}", name))

    def folder(self, name: str) -> "Layout | None":
        """The layout of a folder of this name, or None if there may be none."""
        return next((inside for pattern, inside in self.folders.items() if re.fullmatch(pattern, name)), None)


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


PARTS_LAYOUT = Layout(r"[0-9a-f]{4,24}\.part")
TABLES_LAYOUT = Layout(_any_of(FILES), {PARTS: PARTS_LAYOUT})
SORTING_LAYOUT = Layout(r"[0-9]+\.arrow")
WORKING_LAYOUT = Layout(
    rf"{MARK}|{LOCKS}|certificate\.pem|client\.json|{TOKEN}|keys\.parquet|points\.parquet",
    {
        PARTS: PARTS_LAYOUT,
        TIMED_OUT: Layout("[0-9a-f]{32}-[0-9]+"),
        COMMIT: TABLES_LAYOUT,
        r"(?:plan|tables)\.tmp-[0-9a-f]{8}": TABLES_LAYOUT,
        r"sorting\.tmp-[0-9a-f]{8}": SORTING_LAYOUT,
    },
)
SWEEP_LAYOUT = Layout(_any_of(FILES), {WORKING: WORKING_LAYOUT})


def is_folder(path: Path) -> bool:
    """Whether there is a folder, and not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_file(path: Path) -> bool:
    """Whether there is a file, and not a link to one."""
    return path.is_file() and not path.is_symlink()


def unknown_files(folder: Path, layout: Layout = SWEEP_LAYOUT, within: str = "") -> Iterator[str]:
    """Paths, relative to a folder, of what no sweep wrote, links included.

    Another shard may rename or remove a file of its own meanwhile, which is then none that no sweep wrote.
    """
    try:
        paths = sorted(folder.iterdir())
    except FileNotFoundError:
        if not within:
            raise
        return
    for path in paths:
        inside = layout.folder(path.name)
        if inside and is_folder(path):
            yield from unknown_files(path, inside, f"{within}{path.name}/")
        elif not (layout.has_file(path.name) and is_file(path)) and os.path.lexists(path):
            yield f"{within}{path.name}"


def remove(folder: Path, layout: Layout, keep: str = "") -> None:
    """Remove the files of a layout except those of the pattern `keep`; then the folder, if it is empty."""
    if not is_folder(folder):
        return
    for path in sorted(folder.iterdir()):
        inside = layout.folder(path.name)
        if re.fullmatch(keep, path.name):
            continue
        if inside:
            remove(path, inside)
        elif layout.has_file(path.name) and not path.is_dir():
            path.unlink(missing_ok=True)
    if not os.listdir(folder):
        folder.rmdir()


def locks(working: Path, pattern: str = LOCKS) -> list[Path]:
    """The lock files in the folder `working` whose names match a pattern."""
    if not is_folder(working):
        return []
    return sorted(path for path in working.iterdir() if re.fullmatch(pattern, path.name) and is_file(path))
