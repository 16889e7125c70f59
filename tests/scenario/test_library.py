"""The bundled scenarios, and what reading one costs."""

import math
import subprocess
import sys
import timeit
from pathlib import Path

import pytest

import abm
from abm.scenario.parameters import MARKET
from abm.scenario.scenario import Scenario, describe
from tests.scenario_texts import refusal, sector, strategy

# --- bundled scenarios --------------------------------------------------------------------------------

FIVE = [
    ("technology_first", 0.8, "fixed"),
    ("market_first", 0.2, "fixed"),
    ("balanced", 0.5, "fixed"),
    ("adaptive", 0.5, "adaptive"),
    ("imitative", 0.5, "imitate"),
]


def test_the_bundled_scenarios_are_these():
    expected = [
        *("applications", "article", "foundation-models-2025", "four-sectors"),
        *("one-market", "own-rule", "shakeout", "stylised", "take-off"),
    ]
    assert Scenario.bundled() == expected


@pytest.mark.parametrize("name", Scenario.bundled())
def test_a_bundled_scenario_is_valid_named_after_its_file_and_says_what_it_shows(name, monkeypatch):
    scenario = Scenario.load(name)
    monkeypatch.chdir(Path(abm.__file__).parent / "scenarios")  # where files that a text names are looked for
    assert scenario.name == name
    assert Scenario.from_toml(scenario.to_toml()) == scenario
    assert 40 < len(describe(name)) < 250 and describe(name).endswith(".") and "#" not in describe(name)


def test_an_unknown_scenario_cannot_be_described():
    assert "(did you mean 'article'?)" in refusal(describe, "artical")


@pytest.mark.parametrize("name", ["four-sectors", "applications", "one-market", "shakeout"])
def test_the_five_strategies_are_those_of_the_specification(name):
    strategies = Scenario.load(name).strategies
    assert [(each.name, each.technology_weight, each.policy) for each in strategies] == FIVE
    assert {(each.optimisation_weight, each.weight) for each in strategies} == {(0.5, 1.0)}


def test_the_four_sectors_are_those_of_the_specification_and_all_else_is_default():
    scenario = Scenario.load("four-sectors")
    assert [
        (each.name, each.competitiveness_elasticity, each.quality_elasticity, each.demand_share)
        for each in scenario.sectors
    ] == [
        ("nlp_vision", 1.0, 1.0, 0.3),
        ("smart_hardware", 2.0, 0.3, 0.2),
        ("enterprise", 0.8, 1.2, 0.3),
        ("health_finance", 0.3, 2.5, 0.2),
    ]
    assert scenario.replace(name="scenario", sectors=[sector("a")], strategies=[strategy()]) == Scenario(
        sectors=[sector("a")], strategies=[strategy()]
    )


def test_the_shares_of_the_applications_sum_to_one():
    sectors = Scenario.load("applications").sectors
    assert len(sectors) == 6
    assert math.isclose(sum(each.demand_share for each in sectors), 1)


def test_the_article_alone_is_neutral_but_for_a_start_off_the_baseline_and_a_spread():
    article = Scenario.load("article")
    assert article.neutral() == article.replace(initial_momentum=0, heterogeneity=0)
    assert article.initial_momentum > 0
    assert article.k1 * article.k2 * article.k3 * article.T0 * article.C0 * article.R0 < 1


def test_take_off_differs_from_the_neutral_by_ceilings_speeds_start_and_spread():
    scenario = Scenario.load("take-off")
    neutral = scenario.neutral()
    assert {name for name in MARKET if getattr(scenario, name) != getattr(neutral, name)} == {
        "technology_ceiling",
        "competitiveness_ceiling",
        "return_ceiling",
        "technology_speed",
        "competitiveness_speed",
        "return_speed",
        "initial_momentum",
        "heterogeneity",
    }


# --- cost ---------------------------------------------------------------------------------------------


def test_replacing_a_parameter_is_cheap_enough_for_calibration():
    base = Scenario.from_toml(Scenario.load("four-sectors").to_toml())  # every value set: the slow case
    seconds = min(timeit.repeat(lambda: base.replace(network_effect=0.3), number=200, repeat=5)) / 200
    assert seconds < 1e-3  # about 1e-4 on an idle machine


def test_importing_scenarios_loads_no_heavy_library():
    code = "import sys, abm.scenario.scenario; print({'pandas', 'mesa', 'matplotlib', 'numba'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"


def test_a_file_is_named_after_itself_unless_it_says_otherwise(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("steps = 4")
    assert Scenario.load(path) == Scenario.load(str(path)) == Scenario(name="mine", steps=4)
    path.write_text("name = 'other'")
    assert Scenario.load(path).name == "other"


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path):
    path = tmp_path / "windows.toml"
    path.write_bytes(b"\xef\xbb\xbfsteps = 4\r\nchurn = 0.5\r\n")
    assert (Scenario.load(path).steps, Scenario.load(path).churn) == (4, 0.5)


def test_an_existing_file_is_found_by_a_name_without_separator_and_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("plain").write_text("steps = 4")
    assert Scenario.load("plain").steps == 4


def test_a_file_does_not_hide_the_bundled_scenario_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("article").write_text("steps = 4")
    assert Scenario.load("article").steps != 4
    assert Scenario.load("./article").steps == 4


def test_files_that_cannot_be_read_are_refused_by_name(tmp_path):
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00\x01")
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert refusal(Scenario.load, binary) == f"{binary}: not a text file in UTF-8"
    assert refusal(Scenario.load, folder).startswith(f"{folder}: ")
    assert refusal(Scenario.load, tmp_path).startswith(f"{tmp_path}: ")
    missing = tmp_path / "missing.toml"
    assert refusal(Scenario.load, missing) == f"{missing}: No such file or directory"
    assert "null" in refusal(Scenario.load, "a\0b.toml")


@pytest.mark.parametrize("name", ["", "four-sector", "a\0b", 3, None, Scenario()])
def test_an_unknown_scenario_is_refused(name):
    message = refusal(Scenario.load, name)
    if name == "four-sector":
        assert "(did you mean 'four-sectors'?)" in message
        assert all(bundled in message for bundled in Scenario.bundled())
