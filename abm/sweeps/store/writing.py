"""Writes a sweep's folder: its plan and design before the runs, its tables after them."""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abm.errors import InputError
from abm.output.files import versions, write_durably, write_json
from abm.output.stored import sealed
from abm.simulation.firm_file import table_bytes
from abm.sweeps.store.contents import (
    COMMIT,
    DESIGN,
    LOCKS,
    MANIFEST,
    MARK,
    PARTS_LAYOUT,
    SCENARIO,
    SORTING_LAYOUT,
    SUMMARY,
    SWEEP_LAYOUT,
    TABLES_LAYOUT,
    WORKING_LAYOUT,
    Layout,
    is_file,
    is_folder,
    remove,
)
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.store.manifest import describe, git_state, plan_digest, sweep_token
from abm.sweeps.store.owned import refuse_foreign
from abm.sweeps.store.parts import PARTS, TIMED_OUT
from abm.sweeps.store.plan_files import is_kept, plan_file_digests, save_plan

if TYPE_CHECKING:
    from abm.sweeps.design.design import Design
    from abm.sweeps.design.plan import Plan


class SweepWriter(SweepFolder):
    """A sweep's folder into which this process writes."""

    def begin(self) -> None:
        """Make the folder `working`, with the file that marks it as a sweep's."""
        self.working.mkdir(parents=True, exist_ok=True)
        if not (self.working / MARK).exists():
            write_durably(self.working / MARK, b"")

    def clear(self) -> None:
        """Remove the stored sweep; the caller holds the lock."""
        refuse_foreign(self.folder)
        remove(self.working, WORKING_LAYOUT, keep=f"{MARK}|{LOCKS}")
        # First the index of the runs; last the manifest, by which the folder is recognised as a sweep's until then.
        order = {"runs.parquet": 0, SUMMARY: 1, MANIFEST: 3}
        for name in sorted(os.listdir(self.folder), key=lambda name: order.get(name, 2)):
            if SWEEP_LAYOUT.has_file(name):
                (self.folder / name).unlink()
        self._damage = None

    def prepare(self, design: "Design", plan: "Plan") -> list[str]:
        """Write the plan, the design and its files; returns which versions have changed since earlier runs."""
        manifest = describe(design) | {"points": len(plan.points), "runs": plan.rows, "draws": plan.draws}
        digest, kept = plan_digest(design, plan.draws), self._kept_plan()
        manifest |= {"versions": versions(), "git": git_state(), "earlier_versions": []}
        manifest["begun"] = datetime.now(UTC).isoformat(timespec="seconds")
        notes = self._add_history(manifest)
        # First the file that shows that runs are being made: from here on the files are not those of a finished sweep.
        write_durably(self.working / sweep_token(manifest), b"")
        for folder in (self.parts, self.working / TIMED_OUT):
            folder.mkdir(exist_ok=True)
        write_durably(self.folder / DESIGN, design.text.encode())
        write_durably(self.folder / SCENARIO, design.scenario.to_toml().encode())
        if design.firms_path:
            write_durably(self.folder / manifest["firms_file"], table_bytes(design.firms_path))
        if not is_kept(self.working, digest, kept):
            with self._temporary("plan") as folder:
                save_plan(plan, folder)
                kept = {"design": digest, "files": plan_file_digests(folder)}
                for file in folder.iterdir():
                    file.rename(self.working / file.name)
        manifest["plan"] = kept
        write_json(sealed(manifest), self.folder / MANIFEST)
        return notes

    def _kept_plan(self) -> dict[str, Any] | None:
        """What the manifest tells of the stored plan, or None."""
        try:
            return self.manifest().get("plan")
        except InputError:
            return None

    def _add_history(self, manifest: dict[str, Any]) -> list[str]:
        """Add to a manifest when the sweep began and earlier versions; returns what versions have changed."""
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

    @contextlib.contextmanager
    def commit(self, check: Callable[[], None]) -> Iterator[Path]:
        """A folder whose files become the sweep's tables when the block ends, all or none; `check` tests the lock."""
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
        """Move merged tables to their places, also where an earlier process was ended while it did that."""
        merged = self.working / COMMIT
        if not merged.exists():
            return
        for file in sorted(merged.glob("*.*")):
            file.rename(self.folder / file.name)
        if (merged / PARTS).exists():  # runs that only another design has; all others are in the tables now
            remove(self.parts, PARTS_LAYOUT)  # already removed if the earlier process was ended here
            (merged / PARTS).rename(self.parts)
        remove(self.working, WORKING_LAYOUT, keep=f"{MARK}|{LOCKS}|{PARTS}|{COMMIT}")
        remove(merged, TABLES_LAYOUT)
        self._damage = None

    def tidy(self) -> None:
        """Remove half-written files of ended processes, and the folder `working` if it is empty."""
        for path in self.folder.iterdir():
            if path.name.startswith(".") and SWEEP_LAYOUT.has_file(path.name) and is_file(path):
                path.unlink(missing_ok=True)
        if not is_folder(self.working):
            return
        for folder in (self.parts, self.working / TIMED_OUT):
            with contextlib.suppress(OSError):
                folder.rmdir()
        if set(os.listdir(self.working)) <= {MARK}:
            remove(self.working, WORKING_LAYOUT)

    def sorting(self) -> contextlib.AbstractContextManager[Path]:
        """A folder for the time of a block, in which runs are sorted."""
        return self._temporary("sorting", SORTING_LAYOUT)

    @contextlib.contextmanager
    def _temporary(self, name: str, layout: Layout = TABLES_LAYOUT) -> Iterator[Path]:
        folder = self.working / f"{name}.tmp-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            remove(folder, layout)
