"""A sweep's folder: what is in it and what may be asked of it.

While a sweep runs, the folder `working` in it holds the plan, the parts and the locks; a finished sweep is a handful
of tables. Runs are found by key and seed in either form, so that what is finished stays so whatever is added.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.errors import InputError
from abm.firmfile import table_bytes
from abm.rundir import plain, versions
from abm.sweeps.lock import refuse_others
from abm.sweeps.manifest import changes, describe, git_state, sweep_token
from abm.sweeps.parts import LOST, PARTS, SUFFIX, DamagedPart, check_part, write_durably
from abm.sweeps.plan import DRAWS, Plan
from abm.sweeps.sources import FinishedSource, PartSource, metadata

if TYPE_CHECKING:
    from abm.sweeps.design import Design
    from abm.sweeps.sections import Replications

DESIGN, SCENARIO, MANIFEST, SUMMARY = "design.toml", "scenario.toml", "manifest.json", "summary.json"
WORKING = "working"
COMMIT = "merged"  # the folder in WORKING whose files become the tables
TABLES = ("outcomes", "steps", "sectors", "lives", "firms", "panel", "failures")
FILES = (
    *(DESIGN, SCENARIO, MANIFEST, SUMMARY, WORKING, "firm_table.csv", "firm_table.parquet"),
    *(f"{name}.parquet" for name in ("points", "keys", "runs", *TABLES)),
)


class Store:
    """A sweep's folder.

    Parameters
    ----------
    folder : path
    """

    def __init__(self, folder: str | os.PathLike) -> None:
        self.folder = Path(os.path.realpath(folder))
        self.working = self.folder / WORKING
        self.parts = self.working / PARTS

    def manifest(self) -> dict[str, Any]:
        """What the sweep is.

        Raises
        ------
        InputError
            If the folder holds no sweep.
        """
        found = self._json(MANIFEST)
        if found is None:
            raise InputError(f"{self.folder}: holds no sweep")
        if "design_hash" not in found:  # others have files of this name, too
            raise InputError(f"{self.folder}: holds no sweep: its {MANIFEST} is something else's")
        return found

    def summary(self) -> dict[str, Any] | None:
        """How the sweep ended, or None before it did."""
        return self._json(SUMMARY)

    def _json(self, name: str) -> dict[str, Any] | None:
        path = self.folder / name
        try:
            return json.loads(path.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ValueError as problem:
            raise InputError(f"{path}: is damaged: {problem}; name another directory, or remove this one") from None

    def holds_a_sweep(self) -> bool:
        """Whether there is a sweep already; a folder with anything else in it is refused."""
        try:
            names = set(os.listdir(self.folder))
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            raise InputError(f"{self.folder}: is not a directory") from None
        # Without a manifest it is a sweep's only if a process was ended before it had written one.
        begun = WORKING in names and not _strange(names)
        if names and MANIFEST not in names and not begun:
            raise InputError(f"{self.folder}: is not empty and holds no sweep; name a new directory")
        return MANIFEST in names and bool(self.manifest())

    def check(self, design: "Design") -> None:
        """Refuse a design whose runs would not go with those that are here.

        Raises
        ------
        InputError
            By name of what has changed, or of a table that is damaged.
        """
        if not self.holds_a_sweep() or not self.holds_runs():
            return
        changed = list(changes(self.manifest(), describe(design)))
        if changed:
            way_out = "--overwrite makes all runs anew; another --out keeps both"
            raise InputError(f"{self.folder}: holds runs of another sweep: {'; '.join(changed)} ({way_out})")
        summary = self.summary()
        for name in ("points", "keys", "runs", *summary["tables"]) if summary else ():
            metadata(self.folder / f"{name}.parquet")

    def clear(self) -> None:
        """Remove the sweep that is here."""
        refuse_others(self.working.glob("lock*"))
        if strange := _strange(os.listdir(self.folder)):
            raise InputError(f"{self.folder}: holds {strange[0]!r}, which no sweep wrote; move it away first")
        # The manifest last: until then the folder is known for a sweep's.
        for name in sorted(os.listdir(self.folder), key=lambda name: name == MANIFEST):
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def prepare(self, design: "Design", plan: Plan) -> None:
        """Write what the runs of a design need: the plan, the design and what it refers to."""
        for folder in (self.parts, self.working / LOST):
            folder.mkdir(parents=True, exist_ok=True)
        manifest = describe(design) | {"points": len(plan.points), "runs": plan.rows, "draws": plan.draws}
        manifest |= {"versions": versions(), "git": git_state()}
        manifest["begun"] = datetime.now(UTC).isoformat(timespec="seconds")
        write_durably(self.folder / DESIGN, design.text.encode())
        write_durably(self.folder / SCENARIO, design.scenario.to_toml().encode())
        if design.firms_path:
            write_durably(self.folder / manifest["firms_file"], table_bytes(design.firms_path))
        write_durably(self.working / sweep_token(manifest), b"")
        with self._temporary("plan") as folder:
            plan.save(folder)
            for file in folder.iterdir():
                file.rename(self.working / file.name)
        write_json(manifest, self.folder / MANIFEST)

    def holds_runs(self) -> bool:
        """Whether any run is finished."""
        finished = any((self.folder / name).exists() for name in (SUMMARY, "runs.parquet"))
        return finished or any(self.parts.glob(f"*{SUFFIX}"))

    def is_finished(self, plan: Plan) -> bool:
        """Whether the tables are those of a plan, all its runs made."""
        summary = self.summary()
        if not summary or self.is_under_way():
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
        return (self.working / "keys.parquet").exists() or (self.working / COMMIT).exists()

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
        found = self._json(MANIFEST)
        return DRAWS if found is None else found.get("draws", 1)

    def replications(self) -> "Replications":
        """How the runs are repeated."""
        from abm.sweeps.sections import Replications

        return Replications(**self.manifest()["replications"])

    def firms_path(self) -> Path | None:
        """The firm table that every run starts from."""
        name = self.manifest()["firms_file"]
        return self.folder / name if name else None

    def sources(self, *, remove_damaged: bool = True) -> list[PartSource | FinishedSource]:
        """Where finished runs lie; damaged parts are no sources, and removed so that their runs are made again."""
        found: list[PartSource | FinishedSource] = []
        if (self.folder / "runs.parquet").exists():
            found.append(FinishedSource(self.folder))
        for path in sorted(self.parts.glob(f"*{SUFFIX}")):
            try:
                found.append(PartSource(path, check_part(path)))
            except FileNotFoundError:  # gone into the tables just now, when another process looks
                continue
            except DamagedPart:
                if remove_damaged:
                    path.unlink()
        return found

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
            shutil.rmtree(self.parts, ignore_errors=True)  # gone already if the earlier process was ended just here
            (merged / PARTS).rename(self.parts)
        for path in self.working.iterdir():
            if path.name not in (PARTS, COMMIT) and not path.name.startswith("lock"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.rmtree(merged)

    def tidy(self) -> None:
        """Remove what ended processes left half written, and the working folder if nothing is left in it."""
        for name in os.listdir(self.folder):
            if _is_half_written(name):
                (self.folder / name).unlink(missing_ok=True)
        for folder in (self.parts, self.working):
            with contextlib.suppress(OSError):
                folder.rmdir()

    @contextlib.contextmanager
    def _temporary(self, name: str) -> Iterator[Path]:
        folder = self.working / f"{name}.tmp-{secrets.token_hex(4)}"
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _strange(names: Iterable[str]) -> list[str]:
    """Names that no sweep gave to a file."""
    return sorted(name for name in set(names) - set(FILES) if not _is_half_written(name))


def _is_half_written(name: str) -> bool:
    """Whether `write_durably` gave the name, to a file of a process that was ended before it could rename it."""
    whole, _, rest = name.removeprefix(".").rpartition("-")
    return name.startswith(".") and whole in FILES and re.fullmatch("[0-9a-f]{8}", rest) is not None


def write_json(value: Any, path: Path) -> None:
    """Write JSON that is there whole or not at all."""
    text = json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False)
    write_durably(path, (text + "\n").encode())
