"""Designs: what a file means, and which points a grid or a sample makes."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm.errors import InputError
from abm.scenario.scenario import Scenario
from abm.sweeps.design.design import Design
from abm.sweeps.design.settings import Collect, Replications
from tests.design_texts import CHURN_RANGE, HEAD


def design(text, folder="."):
    return Design.from_toml(HEAD + text, "my.toml", folder)


# --- what a file means --------------------------------------------------------------------------------


def test_a_file_that_names_only_a_scenario_is_the_scenario_itself_ten_times():
    whole = design("")
    assert whole.text == HEAD and whole.source == "my.toml"
    assert whole.scenario == Scenario.load("four-sectors")
    assert whole.firms is None and whole.firms_path is None
    assert whole.factors == {} and whole.factor_names == ()
    assert (whole.method, whole.points, whole.seed) == ("grid", None, 0)
    assert whole.replications == Replications(count=10, seed=0, common=True)
    assert whole.collect == Collect(level="light", steps="none", lives=False, firms=False, panel=0)
    assert whole.collect.every == 0
    values = whole.values()
    assert values.shape == (1, 0) and list(values.index) == [0]
    assert whole.scenario_at({}) == whole.scenario


def test_every_key_is_read():
    whole = design(f"""
        [set]
        steps = 200
        sectors.enterprise.demand_growth = 0.01
        [factors]
        {CHURN_RANGE}
        [design]
        method = "sobol"
        points = 64
        seed = 5
        [replications]
        count = 100
        seed = 1
        common = false
        [collect]
        level = "full"
        steps = 7
        lives = true
        firms = true
        panel = 20
    """)
    assert whole.scenario == Scenario.load("four-sectors").replace(
        steps=200, **{"sectors.enterprise.demand_growth": 0.01}
    )
    assert (whole.method, whole.points, whole.seed) == ("sobol", 64, 5)
    assert whole.replications == Replications(count=100, seed=1, common=False)
    assert whole.collect == Collect(level="full", steps=7, lives=True, firms=True, panel=20)
    assert whole.collect.every == 7
    assert design('collect.steps = "all"').collect.every == 1


def test_dotted_names_may_be_quoted_or_not():
    quoted = design('[factors]\n"sectors.nlp_vision.quality_elasticity" = [1, 2]\n"strategies.adaptive.weight" = [3]')
    nested = design("[factors]\nsectors.nlp_vision.quality_elasticity = [1, 2]\nstrategies.adaptive.weight = [3]")
    ranged = design("[factors.sectors.nlp_vision]\nquality_elasticity = {low = 1, high = 2}\n[design]\npoints = 2")
    assert quoted.factors == nested.factors
    assert quoted.factor_names == ("sectors.nlp_vision.quality_elasticity", "strategies.adaptive.weight")
    assert ranged.values().iloc[:, 0].tolist() == [1.0, 2.0]


def test_a_key_alone_varies_all_sectors():
    whole = design("[factors]\nquality_elasticity = [4]")
    scenario = whole.scenario_at({"quality_elasticity": 4.0})
    assert [sector.quality_elasticity for sector in scenario.sectors] == [4.0] * 4


def test_a_scenario_is_found_beside_the_design_but_bundled_names_come_first(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text("steps = 7")
    (tmp_path / "bare").write_text("steps = 8")
    (tmp_path / "four-sectors").write_text("steps = 9")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "stray").write_text("steps = 10")
    for name, steps in (
        ("mine.toml", 7),
        ("bare", 8),
        ("./four-sectors", 9),
        ("four-sectors", 400),
        (str(tmp_path / "mine.toml"), 7),
    ):
        assert Design.from_toml(f'scenario = "{name}"', folder=tmp_path).scenario.steps == steps
    with pytest.raises(InputError, match="unknown scenario 'stray'"):
        Design.from_toml('scenario = "stray"', folder=tmp_path)


def test_a_firm_table_is_read_beside_the_design(tmp_path):
    (tmp_path / "firms.csv").write_text("sector,strategy,T\nenterprise,balanced,2\n")
    (tmp_path / "my.toml").write_text(f'{HEAD}firms = "firms.csv"\n[factors]\ninitial_firms = [5, 6]')
    whole = Design.load(tmp_path / "my.toml")
    assert whole.firms_path == tmp_path / "firms.csv"
    assert whole.firms.sectors.tolist() == [2]
    (note,) = whole.notes()
    assert note == "The firm table decides how many firms there are: the factor initial_firms changes nothing."


def test_bundled_designs_load_and_all_their_points_are_scenarios():
    assert Design.bundled() == ["network-effect", "open-weights", "screening"]
    network = Design.load("network-effect")
    assert network.values().network_effect.tolist() == [0.0, 0.5, 0.9]
    assert network.replications == Replications(count=100)
    screening = Design.load("screening")
    values = screening.values()
    assert values.shape == (10 * 9, 8)
    for _, row in values.iterrows():
        assert screening.scenario_at(row).steps == 200
    (note,) = screening.notes()
    assert "grows in replications only" in note


def test_a_design_is_loaded_from_a_path_and_its_text_is_kept(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert Design.load(path).text == HEAD
    assert Design.load(str(path)).source == str(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("screning", "unknown design 'screning' (did you mean 'screening'?): give a path to a TOML file or one of"),
        ("nowhere/my.toml", "nowhere/my.toml: No such file or directory"),
        ("a\0.toml", "embedded null byte"),
        (3, "design 3 is neither a name nor a path"),
    ],
)
def test_what_is_no_design_is_refused(name, message):
    with pytest.raises(InputError) as caught:
        Design.load(name)
    assert message in str(caught.value)


def test_a_damaged_file_is_refused_by_its_name(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"my.toml: not a text file in UTF-8"):
        Design.load(path)
    path.write_text("scenario = ")
    with pytest.raises(InputError, match=r"my.toml: Invalid value \(at"):
        Design.load(path)


# --- grids --------------------------------------------------------------------------------------------


def test_a_grid_is_the_product_of_its_levels_with_the_last_fastest():
    whole = design("""
        [factors]
        network_effect = [0.9, 0.0, 0.5]
        policy = ["imitate", "fixed"]
        steps = [10, 20]
        churn = {low = 0.25, high = 0.75}
        [design]
        points = 3
    """)
    values = whole.values()
    expected = list(itertools.product([0.9, 0.0, 0.5], ["imitate", "fixed"], [10, 20], [0.25, 0.5, 0.75]))
    assert list(values.itertuples(index=False, name=None)) == expected
    assert [str(each) for each in values.dtypes] == ["float64", "object", "int64", "float64"]
    assert list(values.columns) == list(whole.factor_names)
    assert list(values.index) == list(range(36))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_a_grid_of_any_shape_is_the_product_of_its_levels(shape):
    names = ["steps", "capacity", "review_interval", "initial_firms"][: len(shape)]
    levels = [list(range(1, 1 + count)) for count in shape]
    lines = "\n".join(f"{name} = {each}" for name, each in zip(names, levels))
    values = design(f"[factors]\n{lines}\n[set]\nchurn = 1").values()
    assert list(values.itertuples(index=False, name=None)) == list(itertools.product(*levels))


def test_a_million_points_are_made_in_seconds():
    levels = list(range(1, 101))
    whole = design(f"[factors]\nsteps = {levels}\ncapacity = {levels}\nk1 = {levels}")
    begin = time.perf_counter()
    values = whole.values()
    assert time.perf_counter() - begin < 3
    assert len(values) == 100**3
    assert values.iloc[123_456].tolist() == [13, 35, 57.0]


# --- samples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "rows"), [("latin", 8), ("sobol", 8), ("morris", 8 * 4), ("saltelli", 8 * 5)])
def test_a_sampled_design_has_the_values_at_the_places_of_its_sample(method, rows):
    from abm.sweeps.design.samples import SAMPLES

    whole = design(f"""
        [factors]
        {CHURN_RANGE}
        steps = {{low = 10, high = 20}}
        policy = ["fixed", "imitate"]
        [design]
        method = "{method}"
        points = 8
        seed = 3
    """)
    values = whole.values()
    unit = SAMPLES[method](3, 8, 3)
    assert len(values) == rows
    assert values.churn.tolist() == pytest.approx((0.05 + 0.45 * unit[:, 0]).tolist())
    assert values.steps.tolist() == [int(10 + 10 * u + 0.5) for u in unit[:, 1]]
    assert values.policy.tolist() == ["fixed" if u < 0.5 else "imitate" for u in unit[:, 2]]
    assert [str(each) for each in values.dtypes] == ["float64", "int64", "object"]


def test_a_row_of_a_design_makes_a_scenario_whatever_became_of_its_types():
    whole = design('[factors]\nsteps = [10, 20]\nchurn = [0.5]\n"sectors.enterprise.quality_elasticity" = [3]')
    expected = whole.scenario.replace(steps=20, churn=0.5, **{"sectors.enterprise.quality_elasticity": 3})
    row = whole.values().iloc[1]
    assert row.dtype == np.float64  # the integer has become a float
    assert whole.scenario_at(row) == expected
    assert whole.scenario_at({name: np.float64(value) for name, value in row.items()}) == expected
    assert design('[factors]\npolicy = ["imitate"]').scenario_at({"policy": np.str_("imitate")})


def test_a_point_that_is_no_scenario_is_refused():
    whole = design("[factors]\ninitial_firms = [500]")
    with pytest.raises(InputError, match="initial_firms = 500 is above capacity = 400"):
        whole.scenario_at(whole.values().iloc[0])
    with pytest.raises(InputError, match="unknown parameter 'chrun'"):
        whole.scenario_at({"chrun": 0.5})


def test_the_notes_say_what_is_lost():
    def notes(method, points, factors=CHURN_RANGE):
        return design(f'[factors]\n{factors}\n[design]\nmethod = "{method}"\npoints = {points}').notes()

    for method in ("sobol", "saltelli"):
        assert notes(method, 64) == notes(method, 1) == []
        assert notes(method, 100) == [
            "points = 100 is no power of 2: the balance of the sequence is lost; 64 and 128 keep it."
        ]
    assert notes("grid", 100) == []
    assert "grows in replications only" in notes("latin", 64)[0]
    (grows,) = notes("morris", 100)
    assert "grows in replications only" in grows
    assert notes("morris", 5, 'policy = ["fixed", "imitate"]') == [grows]
    assert notes("morris", 5, 'policy = ["fixed", "imitate", "adaptive"]') == [
        grows,
        "A Morris design uses four values of each factor: the 3 levels of policy do not occur equally often.",
    ]
