"""Kernels are compiled once for all commands, and what is missing of them is known."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from abm.cli import main
from abm.market.whole_run import run_seeds
from abm.numerics import compilation
from abm.simulation import warmup


@pytest.mark.slow
def test_what_is_compiled_ahead_is_all_that_commands_need(tmp_path):
    """In a process of its own with an empty cache: which kernels there are, and with which types, is the process's."""
    code = """
from abm import MarketModel, Scenario, simulate, simulate_many
from abm.market import aggregate, entrants, growth, outcome_numbers, run, step, whole_run
from abm.numerics import kendall
from abm.simulation.warmup import warm_up
import pandas as pd

modules = [aggregate, entrants, growth, kendall, outcome_numbers, run, step, whole_run]
found = {x for m in modules for x in vars(m).values() if hasattr(x, "overloads")}
kernels = [x for x in found if x.targetoptions.get("nogil")]
compiled = lambda: {(x.__name__, str(signature)) for x in kernels for signature in x.stats.cache_misses}
warm_up()
before = compiled()
assert len(before) > 10
four = Scenario.load("four-sectors").replace(steps=5, capacity=450)
firms = pd.DataFrame({"sector": [each.name for each in four.sectors], "strategy": "balanced", "T": 0.5, "B": 1.0})
simulate(four, 1, collect="full", panel=2, threads=2).outcomes
simulate(four, 1, firms=firms, every=0).outcomes
simulate_many([four], [1, 2], collect="full")
model = MarketModel(four, rng=1)
model.step()
print(sorted(compiled() - before))
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout == "[]\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache that holds a file for each kernel."""
    monkeypatch.setattr(compilation, "CACHE_FOLDER", tmp_path)
    monkeypatch.setattr(warmup, "CACHE_FOLDER", tmp_path)
    (tmp_path / "abm").mkdir()
    assert run_seeds.py_func in compilation._kernels
    for each in compilation._kernels:
        (tmp_path / "abm" / f"{each.__module__.rpartition('.')[2]}.{each.__qualname__}-7.py311.nbi").touch()
    return tmp_path / "abm"


def test_a_cache_that_lacks_any_kernel_is_cold(cache):
    assert not compilation.is_cold()
    for lacking in ("run.run-7", "whole_run.run_seeds-7", "outcome_numbers.outcome_numbers-7"):
        (path,) = cache.glob(f"{lacking}*")
        path.unlink()
        assert compilation.is_cold()
        path.touch()


def test_a_single_run_compiles_no_kernel_of_many():
    code = """
from abm.numerics import compilation
from abm.simulation import warmup

warmup.CACHE_FOLDER = warmup.CACHE_FOLDER or "."
warmup.is_cold = lambda: print(sorted(each.__qualname__ for each in compilation._kernels)) or False
for many in (False, True):
    warmup.compile_if_cold(print, many)
"""
    single, many = map(ast.literal_eval, subprocess.check_output([sys.executable, "-c", code], text=True).splitlines())
    assert set(many) - set(single) == {"run_seeds"}


def test_the_kernels_of_another_processor_lie_in_another_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    code = "from abm.numerics import compilation; print(compilation.CACHE_FOLDER)"
    environment = {name: text for name, text in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    folders = {
        subprocess.check_output([sys.executable, "-c", code], env=environment | own, text=True)
        for own in ({}, {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""})
    }
    assert len(folders) == 2


def test_compiling_is_said_and_done_once(cache, monkeypatch, capsys):
    done = []
    monkeypatch.setattr(warmup, "warm_up", lambda many: done.append(many))
    assert main(["compile"]) == 0
    assert capsys.readouterr().out == f"compiled for this processor, kept in {cache.parent}\n"
    assert not done
    next(cache.glob("whole_run.*")).unlink()
    assert main(["compile"]) == 1  # for nothing was kept
    assert done
    assert "compiling once for all commands" in capsys.readouterr().err


def test_without_a_cache_it_is_said_what_would_help(monkeypatch, capsys):
    for module in (compilation, warmup):
        monkeypatch.setattr(module, "CACHE_FOLDER", None)
    said = []
    warmup.compile_if_cold(said.append)
    assert len(said) == 1 and "each process compiles anew" in said[0] and "NUMBA_CACHE_DIR or XDG_CACHE_HOME" in said[0]
    assert main(["compile"]) == 1
    assert capsys.readouterr().err == f"abm: stopped: {warmup.NO_CACHE}\n"


def test_what_is_compiled_into_a_directory_is_found_by_its_name(tmp_path, capfd):
    """The directory has the compiled code already, so that the test does not compile."""
    into = tmp_path / "kernels"
    shutil.copytree(compilation.CACHE_FOLDER, into / compilation.CACHE_FOLDER.name)
    before = sorted(path.name for path in into.rglob("*"))
    assert main(["compile", "--into", str(into)]) == 0
    kept = into / compilation.CACHE_FOLDER.name
    out, err = capfd.readouterr()
    assert out == f"compiled for this processor, kept in {kept}\nset NUMBA_CACHE_DIR={into} in every job\n"
    assert err == ""
    assert sorted(path.name for path in into.rglob("*")) == before


def test_a_directory_that_cannot_be_written_is_refused(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["compile", "--into", str(tmp_path / "file")]) == 2
    assert capsys.readouterr().err == f"abm: error: --into {tmp_path / 'file'}: cannot be made: File exists\n"
    assert main(["compile", "--into", str(tmp_path / "file" / "deeper")]) == 2
    assert "Not a directory" in capsys.readouterr().err
