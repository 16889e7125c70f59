"""What the README shows works as printed."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_of_the_readme_runs(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    names = {}
    exec(blocks("python")[0].replace("seeds=range(100)", "seeds=range(3)"), names)
    assert names["result"].outcomes["structure"] == "fragmented"
    assert len(names["many"].outcomes) == 6


def test_the_market_and_the_firms_of_the_readme_run(tmp_path):
    (tmp_path / "two-sectors.toml").write_text(blocks("toml")[0])
    table, run = next(block for block in blocks("sh") if block.startswith("printf")).splitlines()
    subprocess.run(["bash", "-c", table], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", *run.split()]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    first = pd.read_parquet(tmp_path / "my-run" / "lives.parquet").head(3)
    assert first.sector.tolist() == ["consumer", "consumer", "industry"]
    assert first.strategy.tolist() == ["technology_first", "market_first", "technology_first"]
