"""What a sweep writes into its folder, by name and kind: nothing else is ever removed, and no link is followed."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abm.sweeps.store.parts import LOST, PARTS

DESIGN, SCENARIO, MANIFEST, SUMMARY = "design.toml", "scenario.toml", "manifest.json", "summary.json"
WORKING = "working"
MARK = "sweep-folder"  # the empty file in WORKING that says who made it
COMMIT = "merged"  # the folder in WORKING whose files become the tables
SIGN = "sweep-[0-9a-f]{16}"  # pattern of the file in WORKING of a design whose runs are being made
LOCK, SHARD_LOCKS = "lock", "lock-[0-9]+-of-[0-9]+"  # a name, and a pattern of names
LOCKS = f"{LOCK}|{SHARD_LOCKS}"
FIRM_TABLES = ("firm_table.csv", "firm_table.parquet")
TABLES = ("outcomes", "steps", "sectors", "lives", "firms", "panel", "failures")
MADE_FROM_THEM = ("points", "keys", "runs")
FILES = (
    *(DESIGN, SCENARIO, MANIFEST, SUMMARY, *FIRM_TABLES),
    *(f"{name}.parquet" for name in (*MADE_FROM_THEM, *TABLES)),
)


@dataclass(frozen=True)
class Layout:
    """Which names a folder may hold: a pattern of its files, and the layout of folders by pattern."""

    files: str
    folders: Mapping[str, "Layout"] = field(default_factory=dict)

    def has_file(self, name: str) -> bool:
        """Whether a file may have the name, also a half-written one of `write_durably`."""
        return bool(re.fullmatch(rf"(?:{self.files})|\.(?:{self.files})-[0-9a-f]{{8}}", name))

    def folder(self, name: str) -> "Layout | None":
        """The layout of a folder of this name, or None if there is none such."""
        return next((inside for pattern, inside in self.folders.items() if re.fullmatch(pattern, name)), None)


def _any_of(names: Iterable[str]) -> str:
    return "|".join(map(re.escape, names))


PART_FILES = Layout(r"[0-9a-f]{4,24}\.part")
NEW_TABLES = Layout(_any_of(FILES), {PARTS: PART_FILES})
OF_WORKING = Layout(
    rf"{MARK}|{LOCKS}|certificate\.pem|{SIGN}|keys\.parquet|points\.parquet",
    {
        PARTS: PART_FILES,
        LOST: Layout("[0-9a-f]{32}-[0-9]+"),
        COMMIT: NEW_TABLES,
        r"(?:plan|tables)\.tmp-[0-9a-f]{8}": NEW_TABLES,
    },
)
OF_A_SWEEP = Layout(_any_of(FILES), {WORKING: OF_WORKING})


def is_folder(path: Path) -> bool:
    """Whether there is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


def is_file(path: Path) -> bool:
    """Whether there is a file itself, not a link to one."""
    return path.is_file() and not path.is_symlink()


def strange(folder: Path, layout: Layout = OF_A_SWEEP, within: str = "") -> Iterator[str]:
    """What is in a folder that no sweep wrote, links among it, by its path in the folder."""
    for path in sorted(folder.iterdir()):
        inside = layout.folder(path.name)
        if inside and is_folder(path):
            yield from strange(path, inside, f"{within}{path.name}/")
        elif not (layout.has_file(path.name) and is_file(path)):
            yield f"{within}{path.name}"


def remove(folder: Path, layout: Layout, keep: str = "") -> None:
    """Remove the files of a layout from a folder, and the folder if nothing else is in it.

    What has a name of the pattern `keep` stays.
    """
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
    """The locks in the working folder, those whose names have a pattern."""
    if not is_folder(working):
        return []
    return sorted(path for path in working.iterdir() if re.fullmatch(pattern, path.name) and is_file(path))
