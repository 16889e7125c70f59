"""Sweeps to compare."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from abm import sweep
from abm.cli import main
from abm.sweeps.design.design import Design

SETTINGS = {"capacity": 30, "initial_firms": 30, "steps": 20, "runway": 1.0}
DESIGN = """
scenario = "four-sectors"
[set]
capacity = 30
initial_firms = 30
steps = 20
runway = 1.0
[factors]
network_effect = [0.0, 0.9]
churn = [0.1, 0.4]
[replications]
count = 6
[collect]
steps = "all"
lives = true
"""


@pytest.fixture(scope="session")
def sweeps(tmp_path_factory) -> Path:
    """A folder with the sweep `both` of two factors, and `effect` of one, made of it."""
    folder = tmp_path_factory.mktemp("sweeps")
    results = sweep(Design.from_toml(DESIGN), folder / "both", workers=1)
    chosen = results.points.index[results.points["churn"] == 0.1]
    shutil.copytree(folder / "both", folder / "effect")
    for path in (folder / "effect").glob("*.parquet"):
        table = pd.read_parquet(path)
        if "point" in table:
            table = table[table["point"].isin(chosen)]
            table["point"] = table["point"].map({point: place for place, point in enumerate(chosen)})
            table.drop(columns=["churn"], errors="ignore").to_parquet(path, index=False)
    without_format(folder / "effect")
    change(folder / "effect", ["scenario", "churn"], 0.1)
    return folder


def without_format(folder: Path) -> None:
    """Make a sweep one of a release before there were formats and digests, so that a test may change its files."""
    for name in ("manifest.json", "summary.json"):
        found = json.loads((folder / name).read_text())
        for key in ("format", "digest", "files", "earlier_versions"):
            found.pop(key, None)
        (folder / name).write_text(json.dumps(found))


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> list[str]:
    """Directories of three runs of each of two scenarios."""
    folder = tmp_path_factory.mktemp("runs")
    settings = [word for name, value in SETTINGS.items() for word in ("--set", f"{name}={value}")]
    for effect in (0.5, 0.9):
        for seed in (3, 1, 2):
            more = ["--set", f"network_effect={effect}", "--seed", str(seed), "--no-picture"]
            assert main(["run", "four-sectors", *settings, *more, "--out", str(folder / f"{effect}-{seed}")]) == 0
    return [str(path) for path in sorted(folder.iterdir(), reverse=True)]


def change(folder: Path, keys: list[str], value) -> None:
    """Write another value into a sweep's manifest."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    place = manifest
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(manifest))


def changed(sweeps: Path, folder: Path, keys: list[str], value) -> Path:
    """A copy of a sweep whose manifest says something else."""
    shutil.copytree(sweeps / "effect", folder)
    change(folder, keys, value)
    return folder


def refused(capsys, *arguments: object) -> str:
    """The message of a command that is refused."""
    assert main(["compare", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and said.err.startswith("abm: error: ")
    return said.err
