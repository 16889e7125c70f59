"""`abm.discover` and `abm discover`: what is found, written, said and refused."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest

from abm import InputError, discover, load_sweep
from abm.cli import main
from abm.discovery.report import pictures
from tests.discovery.test_search import planted, points
from tests.sweeping import make
from tests.sweeps.test_folder import failing

DESIGN = """
scenario = "one-market"
set = {capacity = 12}
replications = {count = 2}
design = {method = "sobol", points = 64}
[factors]
network_effect = {low = 0.0, high = 1.5}
steps = {low = 10, high = 40}
policy = ["imitate", "fixed"]
"""
FILES = {
    *(f"{name}.{kind}" for name in ("box", "trajectory", "stability", "tree", "scores") for kind in ("csv", "parquet")),
    *("report.html", "discovery.json"),
}


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    """Three runs a point with a box planted in them."""
    frame = pd.concat([points(150)] * 3, ignore_index=True)
    case = planted(frame)
    return frame.assign(structure=np.where(case, "monopoly", "moderate"), hhi=np.where(case, 7000.0, 1200.0))


@pytest.fixture(scope="module")
def found(runs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("found") / "out"
    return discover(runs, "structure == 'monopoly'", resamples=20, out=folder), folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "sweep"
    make(DESIGN, folder)
    return folder


def test_a_planted_box_is_found(found):
    discovery, _ = found
    assert discovery.found and discovery.method["coverage"] >= 0.8 and discovery.method["density"] >= 0.8
    box = discovery.box.set_index("factor")
    assert set(box.index) == {"network_effect", "capacity", "policy"}
    assert box.loc["network_effect", "low"] == pytest.approx(0.55, abs=0.03)
    assert box.loc["policy", "words"] == "adaptive, fixed" and box.loc["capacity", "high"] == pytest.approx(45, abs=2)
    assert "of runs there are monopolies, " in discovery.answer and "policy adaptive or fixed" in discovery.answer
    assert discovery.method["left_out_density"]["median"] >= 0.8


def test_the_folder_holds_the_tables_and_a_report_that_needs_nothing_else(found):
    discovery, folder = found
    assert {path.name for path in folder.iterdir()} == FILES
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert discovery.answer in page and page.count("data:image/svg+xml") == 3 and not re.search("https?:", page)
    for name in ("box", "trajectory", "stability", "tree", "scores"):
        table = pd.read_csv(folder / f"{name}.csv")
        assert len(table) == len(getattr(discovery, name)) > 0
    assert pd.read_csv(folder / "trajectory.csv")["chosen"].sum() == 1
    stable = pd.read_csv(folder / "stability.csv")
    assert (stable.loc[stable["in_box"], "share"] > 0.8).all()
    scores = pd.read_csv(folder / "scores.csv").set_index("factor")["extra_trees"]
    assert (scores[["network_effect", "policy", "capacity"]] > scores["(random numbers)"]).all()
    assert json.loads((folder / "discovery.json").read_text())["answer"] == discovery.answer


def test_two_discoveries_are_equal_to_the_last_bit_in_any_order_of_the_rows(found, runs, tmp_path):
    _, folder = found
    shuffled = runs.sample(frac=1.0, random_state=3)
    discover(shuffled, "structure == 'monopoly'", resamples=20, out=tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize(
    ("where", "said"),
    [("hhi > 1e6", "Nothing found: none of 450 runs meets"), ("hhi > 1", "Nothing found: all 450 runs meet hhi > 1.")],
)
def test_no_case_and_all_cases_are_answers(runs, tmp_path, where, said):
    discovery = discover(runs, where, out=tmp_path / "out")
    assert discovery.answer.startswith(said) and not discovery.found and discovery.box.empty
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES


def test_noise_is_said_to_be_nothing(tmp_path):
    frame = points(150).assign(hhi=np.random.default_rng(5).random(150))
    discovery = discover(frame, above="hhi=0.7", resamples=20, out=tmp_path / "out", figures=tmp_path / "figures")
    assert not discovery.found and discovery.box.empty
    assert "no box is denser than the whole by more than chance" in discovery.answer
    assert not discovery.trajectory["chosen"].any() and not discovery.stability["in_box"].any()
    assert html.unescape(discovery.answer) in html.unescape((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert (tmp_path / "figures" / "tradeoff.pdf").exists()


def test_runs_without_a_value_are_counted_and_are_no_cases(runs):
    gone = runs.assign(hhi=runs["hhi"].where(np.arange(len(runs)) % 10 != 0))
    discovery = discover(gone, below="hhi=0")
    assert "45 of 450 runs have no value of an outcome that the condition names" in discovery.notes[0]
    assert discovery.method["runs"] == 405 and discovery.method["without_value"] == 45


def test_failed_runs_are_counted(tmp_path, monkeypatch, swept):
    with monkeypatch.context() as patch:
        failing(patch, lambda scenario, seed: scenario.steps == 20)
        make(DESIGN, tmp_path / "sweep")
    failed = len(load_sweep(tmp_path / "sweep").failures)
    discovery = discover(tmp_path / "sweep", below="firms=0")
    assert failed > 0 and discovery.method["failed"] == failed and discovery.method["runs"] == 128 - failed
    assert discovery.notes == [f"{failed} of 128 runs failed and are left out."]


@pytest.mark.parametrize("names", [["network_effect"], ["capacity", "policy"]])
def test_one_factor_is_drawn_and_so_are_factors_of_few_values(runs, names):
    discovery = discover(runs, "hhi > 2000", factors=names, resamples=10)
    assert {picture.name for picture in pictures(discovery)} >= {"pairs", "tradeoff"}
    assert set(discovery.box["factor"]) <= set(names) and discovery.method["factors"] == names


def test_a_sweep_is_searched_from_the_command_line(swept, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["discover", str(swept), "--above", "firms=3", "--out", str(out), "--resamples", "10"]
    assert main(command) == 0
    screen = capsys.readouterr()
    assert not screen.err and len(screen.out.splitlines()) <= 24
    assert "…" not in screen.out  # whole, for it is no terminal
    about = json.loads((out / "discovery.json").read_text())
    assert " ".join(screen.out.split()).startswith(about["answer"])
    assert "first_order" in pd.read_csv(out / "scores.csv")
    assert main([*command, "--overwrite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == about["answer"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--where", "firms.max() > 1"], "calls are not allowed"),
        (["--where", "firm > 1"], "unknown outcome 'firm' (did you mean 'firms'?)"),
        (["--where", "steps > 20"], "steps is a factor"),
        (["--above", "structure=3"], "structure is a text, not a number"),
        (["--above", "firms=3", "--factor", "step"], "unknown factor 'step' (did you mean 'steps'?)"),
        (["--above", "firms=3", "--resamples", "5"], "'5' is not an integer from 10"),
        ([], "nothing to look for"),
    ],
)
def test_the_command_line_refuses_in_a_line_and_writes_nothing(swept, tmp_path, capsys, options, why):
    assert main(["discover", str(swept), *options, "--out", str(tmp_path / "new" / "out")]) == 2
    screen = capsys.readouterr()
    assert why in screen.err and len(screen.err.splitlines()) == 1 and not screen.out
    assert not list(tmp_path.iterdir())


def test_folders_that_are_no_sweep_or_not_ours_are_refused(swept, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    out = ["--above", "firms=3", "--out"]
    assert main(["discover", str(tmp_path / "mine"), *out, str(tmp_path / "out")]) == 2
    assert "holds no sweep" in capsys.readouterr().err
    assert main(["discover", str(swept), *out, str(tmp_path / "mine"), "--overwrite"]) == 2
    assert "is not empty and holds no discovery" in capsys.readouterr().err
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_too_few_points_are_refused(runs):
    with pytest.raises(InputError, match="has 20 points with a known outcome, and a box takes at least 30"):
        discover(runs.iloc[:20], "hhi > 2000")
    with pytest.raises(InputError, match="no factor varies"):
        discover(pd.DataFrame({"hhi": [1.0, 2.0]}), "hhi > 1")


def test_a_sweep_that_is_loaded_and_its_frame_give_the_same_box(swept):
    results = load_sweep(swept)
    one = discover(results, below="firms=0")
    other = discover(results.outcomes, below="firms=0")
    assert one.answer == other.answer and one.method["points"] == other.method["points"] == 64


def test_a_missing_extra_is_one_line_that_says_what_to_install(runs, monkeypatch):
    monkeypatch.setattr("abm.errors.find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"needs ema_workbench and scikit-learn: pip install -e '\.\[discover\]' in a clone"
    ):
        discover(runs, "hhi > 2000")
