"""A sweep's folder: what is in it and what may be asked of it.

While a sweep runs, the folder `working` in it holds the plan, the parts and the locks; a finished sweep is a handful
of tables. Runs are found by key and seed in either form, so that what is finished stays so whatever is added.
"""

import contextlib
import json
import math
import os
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.output.files import versions, write_durably
from abm.output.new_folder import check_encoding
from abm.output.stored import Damaged, read_object, sealed
from abm.simulation.firm_file import table_bytes
from abm.sweeps.design.plan import DRAWS, Plan
from abm.sweeps.design.settings import Collect
from abm.sweeps.store.contents import (
    COMMIT,
    DESIGN,
    LOCKS,
    MADE_FROM_THEM,
    MANIFEST,
    MARK,
    NEW_TABLES,
    OF_A_SWEEP,
    OF_WORKING,
    PART_FILES,
    SCENARIO,
    SIGN,
    SUMMARY,
    TABLES,
    WORKING,
    is_file,
    is_folder,
    remove,
)
from abm.sweeps.store.digests import Damage, damages
from abm.sweeps.store.manifest import changes, describe, git_state, sweep_token
from abm.sweeps.store.owned import has_sound_summary, holds_a_sweep, is_marked, is_somebody_elses, refuse_foreign
from abm.sweeps.store.parts import LOST, PARTS, SUFFIX, DamagedPart, check_part
from abm.sweeps.store.reader import WAY_OUT, FinishedSource, PartSource, runs_from_tables
from abm.sweeps.store.shapes import ManifestShape, SummaryShape
from abm.sweeps.store.tables import table_names

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design
    from abm.sweeps.design.settings import Replications


class Store:
    """A sweep's folder.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(os.path.realpath(folder))
        check_encoding(self.folder)
        self.working = self.folder / WORKING
        self.parts = self.working / PARTS
        self._damage: dict[str, Damage] | None = None

    def manifest(self) -> dict[str, Any]:
        """What the sweep is.

        Raises
        ------
        InputError
            If the folder holds no sweep, or its manifest is damaged.
        """
        path = self.folder / MANIFEST
        try:
            return read_object(path, ManifestShape, WAY_OUT)
        except FileNotFoundError:
            if is_marked(self.working) or has_sound_summary(self.folder):
                raise Damaged(f"{path}: is missing{WAY_OUT}") from None
            raise InputError(f"{self.folder}: holds no sweep") from None
        except Damaged:
            if is_somebody_elses(path):
                raise InputError(f"{self.folder}: holds no sweep: its {MANIFEST} is something else's") from None
            raise

    def summary(self) -> dict[str, Any] | None:
        """How the sweep ended, or None before it did.

        Raises
        ------
        InputError
            If it is damaged, or missing although there are tables.
        """
        try:
            return read_object(self.folder / SUMMARY, SummaryShape, WAY_OUT)
        except FileNotFoundError:
            if not self.is_under_way() and self._has_tables():
                raise Damaged(f"{self.folder / SUMMARY}: is missing, so the sweep is not finished{WAY_OUT}") from None
            return None

    def _has_tables(self) -> bool:
        return any((self.folder / f"{name}.parquet").exists() for name in ("runs", "outcomes"))

    def complaints(self, largest: float = math.inf) -> list[str]:
        """What is damaged of a finished sweep, a line a file.

        Parameters
        ----------
        largest : float
            Bytes of a file above which it is only looked at whether it has as many as it had.
        """
        if not (self.folder / SUMMARY).exists() and not self._has_tables():
            return []
        found = []
        for read in (self.manifest, self.summary):
            try:
                read()
            except Damaged as problem:
                found.append(str(problem).removesuffix(WAY_OUT))
        return found + [
            f"{self.folder / name}: is damaged: it is not as it was written" for name in self.damage(largest)
        ]

    def damage(self, largest: float = math.inf) -> dict[str, Damage]:
        """What of each file of a finished sweep is damaged, by name; asked for once."""
        if self._damage is None or largest != math.inf:
            tables, files = self._kept()
            expected = files or {f"{name}.parquet": None for name in (*MADE_FROM_THEM, *tables)}
            found = damages(self.folder, expected, largest)
            if largest != math.inf:
                return found
            self._damage = found
        return self._damage

    def _kept(self) -> tuple[list[str], dict[str, Any]]:
        """The tables of a finished sweep, and its files' pieces as far as they are known."""
        try:
            summary = self.summary() or {}
            if summary:
                return summary["tables"], summary.get("files", {})
            return table_names(Collect(**self.manifest()["collect"])), {}
        except Damaged:
            return [name for name in TABLES if (self.folder / f"{name}.parquet").exists()], {}

    def check(self, design: "Design") -> None:
        """Refuse a design whose runs would not go with those that are here.

        Raises
        ------
        InputError
            By name of what has changed.
        """
        if not holds_a_sweep(self.folder) or not self.holds_runs():
            return
        try:
            manifest = self.manifest()
        except Damaged:
            # The very design that the folder has makes it again.
            text = self.folder / DESIGN
            if is_file(text) and text.read_bytes() == design.text.encode():
                return
            raise
        changed = list(changes(manifest, describe(design)))
        if changed:
            way_out = "--overwrite makes all runs anew; another --out keeps both"
            raise InputError(f"{self.folder}: holds runs of another sweep: {'; '.join(changed)} ({way_out})")

    def begin(self) -> None:
        """Make the working folder, and mark it as a sweep's."""
        self.working.mkdir(parents=True, exist_ok=True)
        if not (self.working / MARK).exists():
            write_durably(self.working / MARK, b"")

    def clear(self) -> None:
        """Remove the sweep that is here; the lock is held."""
        refuse_foreign(self.folder)
        remove(self.working, OF_WORKING, keep=f"{MARK}|{LOCKS}")
        # First what says which runs there are; last the manifest, for until then the folder is known for a sweep's.
        order = {"runs.parquet": 0, SUMMARY: 1, MANIFEST: 3}
        for name in sorted(os.listdir(self.folder), key=lambda name: order.get(name, 2)):
            if OF_A_SWEEP.has_file(name):
                (self.folder / name).unlink()
        self._damage = None

    def prepare(self, design: "Design", plan: Plan) -> list[str]:
        """Write what the runs of a design need: the plan, the design and what it refers to.

        Returns
        -------
        list of str
            Which versions have changed since earlier runs, a line each.
        """
        manifest = describe(design) | {"points": len(plan.points), "runs": plan.rows, "draws": plan.draws}
        manifest |= {"versions": versions(), "git": git_state(), "earlier_versions": []}
        manifest["begun"] = datetime.now(UTC).isoformat(timespec="seconds")
        notes = self._go_on_from_earlier(manifest)
        # First of all the sign of work, for from here on the files are no longer those of the finished sweep.
        write_durably(self.working / sweep_token(manifest), b"")
        for folder in (self.parts, self.working / LOST):
            folder.mkdir(exist_ok=True)
        write_durably(self.folder / DESIGN, design.text.encode())
        write_durably(self.folder / SCENARIO, design.scenario.to_toml().encode())
        if design.firms_path:
            write_durably(self.folder / manifest["firms_file"], table_bytes(design.firms_path))
        with self._temporary("plan") as folder:
            plan.save(folder)
            for file in folder.iterdir():
                file.rename(self.working / file.name)
        write_json(sealed(manifest), self.folder / MANIFEST)
        return notes

    def _go_on_from_earlier(self, manifest: dict[str, Any]) -> list[str]:
        """Keep in a manifest when the first run was made and by which versions; returns what has changed of them."""
        try:
            before = self.manifest() if self.holds_runs() else None
        except InputError:
            before = None
        if before is None:
            return []
        then, now = before["versions"], manifest["versions"]
        manifest["begun"] = before["begun"]
        manifest["earlier_versions"] = before.get("earlier_versions", [])
        changed = [name for name in then | now if then.get(name) != now.get(name)]
        if changed:
            manifest["earlier_versions"] = [*manifest["earlier_versions"], then]
        earlier = "earlier runs of this sweep were made with"
        return [f"{earlier} {name} {then.get(name)}, further ones are made with {now.get(name)}" for name in changed]

    def holds_runs(self) -> bool:
        """Whether any run is finished."""
        return (self.folder / SUMMARY).exists() or self._has_tables() or any(self.parts.glob(f"*{SUFFIX}"))

    def is_finished(self, plan: Plan) -> bool:
        """Whether the tables are those of a plan, all its runs made, and none is damaged."""
        if self.is_under_way() or self.complaints():
            return False
        summary = self.summary()
        if not summary:
            return False
        same = (summary["points"], summary["replications"]) == (len(plan.points), plan.replications.count)
        if not same:
            return False
        kept = Plan.load(self.folder, plan.replications, plan.draws)
        if not np.array_equal(kept.keys, plan.keys) or list(kept.points) != list(plan.points):
            return False
        # Texts come back from a file as another type.
        return kept.points.astype(plan.points.dtypes.to_dict()).equals(plan.points)

    def is_under_way(self) -> bool:
        """Whether there is a plan whose tables are not made yet."""
        if not is_folder(self.working):
            return False
        names = os.listdir(self.working)
        return "keys.parquet" in names or COMMIT in names or any(re.fullmatch(SIGN, name) for name in names)

    def committed(self) -> dict[str, Any] | None:
        """The summary of tables that have not all taken their places yet, or None if there are none such."""
        if not is_folder(self.working / COMMIT):
            return None
        with contextlib.suppress(FileNotFoundError):
            return read_object(self.working / COMMIT / SUMMARY, SummaryShape)
        return self.summary()

    def plan(self) -> Plan:
        """The plan of a sweep that is under way, or else of the finished one.

        Raises
        ------
        InputError
            If there is none.
        """
        folder = self.working if (self.working / "keys.parquet").exists() else self.folder
        if not (folder / "keys.parquet").exists():
            raise InputError(f"{self.folder}: holds no plan of runs; run its command again")
        return Plan.load(folder, self.replications(), self.draws())

    def draws(self) -> int:
        """How the sweep that is here drew its points and seeds; the newest way where there is none."""
        with contextlib.suppress(InputError):
            return self.manifest().get("draws", 1)
        with contextlib.suppress(FileNotFoundError, InputError):
            return read_object(self.folder / SUMMARY, SummaryShape).get("draws", 1)
        return DRAWS

    def replications(self) -> "Replications":
        """How the runs are repeated."""
        from abm.sweeps.design.settings import Replications

        return Replications(**self.manifest()["replications"])

    def firms_path(self) -> Path | None:
        """The firm table that every run starts from."""
        name = self.manifest()["firms_file"]
        return self.folder / name if name else None

    def sources(self, *, remove_damaged: bool = True) -> list[PartSource | FinishedSource]:
        """Where finished runs lie; damaged parts are no sources, and removed so that their runs are made again."""
        found: list[PartSource | FinishedSource] = []
        if self._has_tables() and (finished := self._finished_source()):
            found.append(finished)
        for path in sorted(self.parts.glob(f"*{SUFFIX}")) if is_folder(self.parts) else ():
            try:
                found.append(PartSource(path, check_part(path)))
            except FileNotFoundError:  # gone into the tables just now, when another process looks
                continue
            except DamagedPart:
                if remove_damaged:
                    path.unlink()
        return found

    def _finished_source(self) -> FinishedSource | None:
        """The runs of the tables as far as they are whole, or None where it is not known which they are."""
        tables, _ = self._kept()
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

    @contextlib.contextmanager
    def commit(self, check: Callable[[], None]) -> Iterator[Path]:
        """A folder whose files become the sweep's tables when the block ends, all of them or none.

        Parameters
        ----------
        check : callable
            Raises if the lock was lost meanwhile, as by a process that was frozen for long.
        """
        with self._temporary("tables") as folder:
            (folder / PARTS).mkdir()
            yield folder
            for file in folder.glob("*.*"):
                with file.open("rb+") as handle:
                    os.fsync(handle.fileno())
            check()
            folder.rename(self.working / COMMIT)
        self.finish_commit()

    def finish_commit(self) -> None:
        """Have merged tables take their places, also where an earlier process was ended while it did that."""
        merged = self.working / COMMIT
        if not merged.exists():
            return
        for file in sorted(merged.glob("*.*")):
            file.rename(self.folder / file.name)
        if (merged / PARTS).exists():  # runs for a later design; all others are in the tables now
            remove(self.parts, PART_FILES)  # gone already if the earlier process was ended just here
            (merged / PARTS).rename(self.parts)
        remove(self.working, OF_WORKING, keep=f"{MARK}|{LOCKS}|{PARTS}|{COMMIT}")
        remove(merged, NEW_TABLES)
        self._damage = None

    def tidy(self) -> None:
        """Remove what ended processes left half written, and the working folder if nothing is left in it."""
        for path in self.folder.iterdir():
            if path.name.startswith(".") and OF_A_SWEEP.has_file(path.name) and is_file(path):
                path.unlink(missing_ok=True)
        if not is_folder(self.working):
            return
        for folder in (self.parts, self.working / LOST):
            with contextlib.suppress(OSError):
                folder.rmdir()
        if set(os.listdir(self.working)) <= {MARK}:
            remove(self.working, OF_WORKING)

    @contextlib.contextmanager
    def _temporary(self, name: str) -> Iterator[Path]:
        folder = self.working / f"{name}.tmp-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            remove(folder, NEW_TABLES)


def write_json(value: Any, path: Path) -> None:
    """Write JSON that is there whole or not at all."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_durably(path, (text + "\n").encode())
