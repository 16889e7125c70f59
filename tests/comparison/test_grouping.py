"""Comparisons of sweeps of which whole groups failed: what is said is true."""

import pytest

from abm import InputError, compare
from abm.cli import main
from abm.sweeps.work.worker import warm_up
from tests.sweeping import make
from tests.sweeps.test_folder import failing

DESIGN = (
    'scenario = "one-market"\nset = {steps = 2, capacity = 4}\nreplications = {count = 3}\nfactors = {churn = [%s]}'
)


@pytest.fixture
def failed(tmp_path, monkeypatch):
    warm_up()

    def made(levels, fails):
        with monkeypatch.context() as patch:
            failing(patch, lambda scenario, seed: scenario.churn in fails)
            make(DESIGN % ", ".join(map(str, levels)), tmp_path / "out")
        return tmp_path / "out"

    return made


def test_a_sweep_whose_runs_all_failed_is_refused_in_a_line(failed, tmp_path, capsys):
    out = failed([0.1, 0.2], [0.1, 0.2])
    assert main(["compare", str(out), "--out", str(tmp_path / "compared")]) == 2
    assert "out: all 6 runs failed, so nothing can be compared" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "compared").exists()


def test_of_two_groups_one_failed(failed):
    with pytest.raises(InputError, match=r"nothing to compare 0.2 with: all runs failed in 0.1 \(3\)"):
        compare(failed([0.1, 0.2], [0.1]))


def test_where_the_first_group_failed_the_next_one_is_the_baseline(failed):
    out = failed([0.3, 0.2, 0.1], [0.3])
    found = compare(out)
    assert (found.runs.groups, found.runs.baseline) == (["0.1", "0.2"], "0.2")
    assert "Groups are left out: all runs failed in 0.3 (3)." in found.notes
    with pytest.raises(InputError, match=r"baseline 0.3: all its runs failed"):
        compare(out, baseline=0.3)
