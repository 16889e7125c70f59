"""Directories of small runs."""

from pathlib import Path

from abm import cli
from abm.cli import main

ROOT = Path(cli.__file__).parents[1]
SMALL = ["--set", "capacity=20", "--steps", "3", "--no-picture"]


def run(out: Path, *options: str, scenario: str = "four-sectors") -> int:
    return main(["run", scenario, *options, "--out", str(out)])


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
