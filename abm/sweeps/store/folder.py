"""What a sweep's folder holds.

While runs are made, the folder `working` in it holds the plan, the parts and the locks; a finished sweep is a handful
of tables. In both forms a run is found by its key and seed, so that finished runs are used again when the design grows.
"""

import contextlib
import math
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.output.new_folder import check_encoding
from abm.output.stored import Damaged, read_object
from abm.sweeps.design.plan import DRAWS, Plan, plan_of
from abm.sweeps.design.settings import Collect, Replications
from abm.sweeps.store.contents import (
    COMMIT,
    DESIGN,
    INDEX_TABLES,
    MANIFEST,
    SUMMARY,
    TABLES,
    TOKEN,
    WORKING,
    is_file,
    is_folder,
)
from abm.sweeps.store.digests import Damage, damages
from abm.sweeps.store.manifest import changes, describe, plan_digest
from abm.sweeps.store.owned import has_valid_summary, holds_a_sweep, is_marked, is_of_another_program
from abm.sweeps.store.parts import PARTS, SUFFIX, DamagedPart, check_hash
from abm.sweeps.store.plan_files import is_kept, load_plan
from abm.sweeps.store.reader import REPAIR_HINT, FinishedSource, PartSource, runs_from_tables
from abm.sweeps.store.shapes import ManifestShape, SummaryShape
from abm.sweeps.store.tables import table_names

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design


class SweepFolder:
    """What a sweep's folder holds; `SweepWriter` changes it."""

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(os.path.realpath(folder))
        check_encoding(self.folder)
        self.working = self.folder / WORKING
        self.parts = self.working / PARTS
        self._damage: dict[str, Damage] | None = None

    def manifest(self) -> dict[str, Any]:
        """What the sweep computes; raises InputError if the folder holds no sweep or its manifest is damaged."""
        path = self.folder / MANIFEST
        try:
            return read_object(path, ManifestShape, REPAIR_HINT)
        except FileNotFoundError:
            if is_marked(self.working) or has_valid_summary(self.folder):
                raise Damaged(f"{path}: is missing{REPAIR_HINT}") from None
            raise InputError(f"{self.folder}: holds no sweep") from None
        except Damaged:
            if is_of_another_program(path):
                raise InputError(f"{self.folder}: holds no sweep: its {MANIFEST} is of another program") from None
            raise

    def summary(self) -> dict[str, Any] | None:
        """The summary of a finished sweep, or None; raises InputError if it is damaged or only it is missing."""
        try:
            return read_object(self.folder / SUMMARY, SummaryShape, REPAIR_HINT)
        except FileNotFoundError:
            if not self.is_under_way() and self._has_tables():
                raise Damaged(
                    f"{self.folder / SUMMARY}: is missing, so the sweep is not finished{REPAIR_HINT}"
                ) from None
            return None

    def _has_tables(self) -> bool:
        return any((self.folder / f"{name}.parquet").exists() for name in ("runs", "outcomes"))

    def damage_report(self, largest: float = math.inf) -> list[str]:
        """Which files of a finished sweep are damaged, a line each; files above `largest` bytes only by size."""
        if not (self.folder / SUMMARY).exists() and not self._has_tables():
            return []
        found = []
        for read in (self.manifest, self.summary):
            try:
                read()
            except Damaged as problem:
                found.append(str(problem).removesuffix(REPAIR_HINT))
        return found + [
            f"{self.folder / name}: is damaged: it is not as it was written" for name in self.damage(largest)
        ]

    def damage(self, largest: float = math.inf) -> dict[str, Damage]:
        """What is damaged in each damaged file of a finished sweep, by the file's name; read once and kept."""
        if self._damage is None or largest != math.inf:
            tables, files = self._tables_and_digests()
            expected = files or {f"{name}.parquet": None for name in (*INDEX_TABLES, *tables)}
            found = damages(self.folder, expected, largest)
            if largest != math.inf:
                return found
            self._damage = found
        return self._damage

    def _tables_and_digests(self) -> tuple[list[str], dict[str, Any]]:
        """The tables of a finished sweep, and the digests of its files as far as the summary has them."""
        try:
            summary = self.summary() or {}
            if summary:
                return summary["tables"], summary.get("files", {})
            return table_names(Collect(**self.manifest()["collect"])), {}
        except Damaged:
            return [name for name in TABLES if (self.folder / f"{name}.parquet").exists()], {}

    def check(self, design: "Design") -> None:
        """Raise InputError if the stored runs are not those of a design, by the names of what has changed."""
        if not holds_a_sweep(self.folder) or not self.holds_runs():
            return
        try:
            manifest = self.manifest()
        except Damaged:
            # The manifest can be made again from the same design.
            text = self.folder / DESIGN
            if is_file(text) and text.read_bytes() == design.text.encode():
                return
            raise
        changed = list(changes(manifest, describe(design)))
        if changed:
            choices = "--overwrite makes all runs anew; another --out keeps both"
            raise InputError(f"{self.folder}: holds runs of another sweep: {'; '.join(changed)} ({choices})")

    def holds_runs(self) -> bool:
        """Whether any run is finished."""
        return (self.folder / SUMMARY).exists() or self._has_tables() or any(self.parts.glob(f"*{SUFFIX}"))

    def is_finished(self, plan: Plan) -> bool:
        """Whether the folder holds all tables of a plan and none is damaged."""
        if self.is_under_way() or self.damage_report():
            return False
        summary = self.summary()
        if not summary:
            return False
        same = (summary["points"], summary["replications"]) == (len(plan.points), plan.replications.count)
        if not same:
            return False
        kept = load_plan(self.folder, plan.replications, plan.draws)
        if not np.array_equal(kept.keys, plan.keys) or list(kept.points) != list(plan.points):
            return False
        # pandas reads texts from a file as another type.
        return kept.points.astype(plan.points.dtypes.to_dict()).equals(plan.points)

    def is_under_way(self) -> bool:
        """Whether there is a plan whose tables are not finished yet."""
        if not is_folder(self.working):
            return False
        names = os.listdir(self.working)
        return "keys.parquet" in names or COMMIT in names or any(re.fullmatch(TOKEN, name) for name in names)

    def committed(self) -> dict[str, Any] | None:
        """The summary of tables that are made but not all moved to their places yet, or None if there are none."""
        if not is_folder(self.working / COMMIT):
            return None
        with contextlib.suppress(FileNotFoundError):
            return read_object(self.working / COMMIT / SUMMARY, SummaryShape)
        return self.summary()

    def plan_for(self, design: "Design") -> Plan:
        """The plan of a design: read if it is the stored one and not damaged, otherwise made."""
        draws = self.draws()
        with contextlib.suppress(InputError):
            kept, folder = self.manifest().get("plan"), self._plan_folder()
            if kept and is_kept(folder, plan_digest(design, draws), kept):
                return load_plan(folder, design.replications, draws)
        return plan_of(design, draws)

    def _plan_folder(self) -> Path:
        return self.working if (self.working / "keys.parquet").exists() else self.folder

    def plan(self) -> Plan:
        """The plan of a sweep that is under way or finished; raises InputError if there is none."""
        folder = self._plan_folder()
        if not (folder / "keys.parquet").exists():
            raise InputError(f"{self.folder}: holds no plan of runs; run its command again")
        return load_plan(folder, self.replications(), self.draws())

    def draws(self) -> int:
        """The rule by which the stored sweep draws points and seeds (see `DRAWS`); the newest if there is none."""
        with contextlib.suppress(InputError):
            return self.manifest().get("draws", 1)
        with contextlib.suppress(FileNotFoundError, InputError):
            return read_object(self.folder / SUMMARY, SummaryShape).get("draws", 1)
        return DRAWS

    def replications(self) -> Replications:
        """The section `[replications]` of the design."""
        return Replications(**self.manifest()["replications"])

    def firms_path(self) -> Path | None:
        """The path of the firm table that every run starts from."""
        name = self.manifest()["firms_file"]
        return self.folder / name if name else None

    def sources(self) -> list[PartSource | FinishedSource]:
        """The files with finished runs; `remove_damaged_parts` is called before the tables are made of them."""
        found: list[PartSource | FinishedSource] = []
        if self._has_tables() and (finished := self._finished_source()):
            found.append(finished)
        return found + [PartSource(path) for path in self._part_paths()]

    def remove_damaged_parts(self) -> int:
        """Remove the parts whose content does not have the hash in their name; returns how many there were."""
        removed = 0
        for path in self._part_paths():
            try:
                check_hash(path)
            except DamagedPart:
                path.unlink()
                removed += 1
        return removed

    def _part_paths(self) -> list[Path]:
        return sorted(self.parts.glob(f"*{SUFFIX}")) if is_folder(self.parts) else []

    def _finished_source(self) -> FinishedSource | None:
        """The runs of the undamaged part of the tables, or None if no undamaged file tells which runs they hold."""
        tables, _ = self._tables_and_digests()
        damage = self.damage()
        if "runs.parquet" not in damage:
            return FinishedSource(self.folder, tables, damage)
        try:
            summary = self.summary()
        except Damaged:
            return None
        needed = ("keys.parquet", *(f"{table}.parquet" for table in tables))
        if summary is None or any(name in damage for name in needed):
            return None
        runs = runs_from_tables(self.folder, tables, summary["replications"], summary["seconds_a_run"])
        return FinishedSource(self.folder, tables, damage, runs)
