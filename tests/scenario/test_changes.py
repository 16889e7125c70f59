"""Changes on the way as a scenario holds them: read, written, replaced, refused."""

import json
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abm import Scenario
from abm.cli import main
from abm.errors import InputError
from abm.scenario.changes import Timed, value_at
from tests.markets import changing

TEXT = """
steps = 40
[[sectors]]
name = "a"
demand_share = 1.0
[[sectors]]
name = "b"
demand_share = 2.0
[[changes]]
name = "open_weights"
step = 10
until = 20
ramp = 4
spillover = 0.1
"sectors.a.quality_elasticity" = 2
[[changes]]
name = "shock"
step = 15
demand_factor = 0.7
sectors.b.demand_factor = 0.5
seed = 9223372036854775807
"""
SCENARIO = Scenario.from_toml(TEXT)


def changed(**change):
    return Scenario(changes=[{"name": "x", "step": 10, **change}])


# ------------------------------------------------------------------------------------------ read and written


def test_a_file_and_its_text_written_back_are_the_same_scenario():
    first, second = SCENARIO.changes
    assert (first.step, first.until, first.ramp) == (10, 20, 4)
    assert first.values == {"spillover": 0.1, "sectors.a.quality_elasticity": 2.0}
    assert second.until == math.inf
    assert second.values == {"demand_factor": 0.7, "sectors.b.demand_factor": 0.5, "seed": 2**63 - 1}
    assert Scenario.from_toml(SCENARIO.to_toml()) == SCENARIO
    assert Scenario(**SCENARIO.to_dict()) == SCENARIO
    assert hash(SCENARIO) == hash(Scenario.from_toml(TEXT))


@given(scenario=changing())
def test_random_changes_are_written_and_read_back(scenario):
    again = Scenario.from_toml(scenario.to_toml())
    assert again.to_dict() == scenario.to_dict()
    values = scenario.flat()
    assert all(scenario.get(name) == value for name, value in values.items())
    assert scenario.replace(**values).to_dict() == scenario.to_dict()


def test_infinity_in_a_change_comes_back_from_the_json_of_a_run(tmp_path):
    scenario = changed(technology_ceiling=math.inf)
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"scenario": scenario.to_dict()}).replace("Infinity", '"inf"'))
    assert Scenario.load(path).to_dict() == scenario.to_dict()


def test_a_scenario_without_changes_says_nothing_of_them():
    assert "changes" not in Scenario().to_dict()
    assert "changes" not in Scenario().to_toml()


# ------------------------------------------------------------------------------------------ replaced


def test_settings_and_replace_reach_into_changes():
    settings = ["changes.open_weights.spillover=0.2", "changes.shock.step=30", "changes.open_weights.until=inf"]
    by_setting = SCENARIO.with_settings([*settings, "changes.shock.sectors.a.monetisation=2", "churn=0.4"])
    first, second = by_setting.changes
    assert (first.values["spillover"], first.until, second.step, by_setting.churn) == (0.2, math.inf, 30, 0.4)
    assert second.values["sectors.a.monetisation"] == 2.0
    assert SCENARIO.replace(**{"changes.open_weights.ramp": 2}).get("changes.open_weights.ramp") == 2


def test_a_shorter_run_leaves_out_the_changes_that_it_does_not_reach():
    assert [change.name for change in SCENARIO.replace(steps=12).changes] == ["open_weights"]
    assert SCENARIO.replace(steps=9).to_dict() == SCENARIO.replace(steps=9, changes=()).to_dict()
    assert SCENARIO.replace(steps=10).changes[0].until == 20
    with pytest.raises(InputError, match=r'"open_weights": step = 11 is outside \[1, 10\]'):
        SCENARIO.replace(**{"steps": 10, "changes.open_weights.step": 11})


def test_neutral_values_hold_throughout():
    assert SCENARIO.neutral().changes == ()


# ------------------------------------------------------------------------------------------ values


@given(
    given=st.floats(0.0, 1.0),
    changes=st.lists(
        st.tuples(st.integers(1, 20), st.integers(1, 12) | st.just(math.inf), st.integers(1, 8), st.floats(0.0, 1.0)),
        max_size=4,
    ),
    step=st.integers(1, 40),
)
def test_a_value_at_a_step_is_that_of_exact_arithmetic(given, changes, step):
    timed = [Timed("market", 0, "churn", first, first + length, ramp, new) for first, length, ramp, new in changes]
    exact = Fraction(given)
    for first, length, ramp, new in changes:
        if first <= step and step < first + length:
            exact += (Fraction(new) - exact) * min(Fraction(1), Fraction(step - first + 1, ramp))
    assert value_at(given, timed, step) == pytest.approx(float(exact), rel=1e-12, abs=1e-12)


def test_the_end_of_a_ramp_is_exactly_the_new_value():
    ramp = Timed("market", 0, "churn", 3, math.inf, 3, 0.1 + 0.2)
    assert value_at(0.7, [ramp], 5) == 0.1 + 0.2


# ------------------------------------------------------------------------------------------ refused

REFUSED = [
    ("step = 401\nspillover = 0.1", "step = 401 is outside [1, 400], the steps of the run"),
    ("step = 0\nspillover = 0.1", "step = 0 is outside [1, 1e7]"),
    ("step = 1.5\nspillover = 0.1", "step = 1.5 is not an integer"),
    ("spillover = 0.1", "step is missing"),
    ("step = 10\nuntil = 10\nspillover = 0.1", "until = 10 is not above step = 10"),
    ("step = 10\nuntil = 20.5\nspillover = 0.1", "until = 20.5 is not a whole step"),
    ("step = 10\nramp = 0\nspillover = 0.1", "ramp = 0 is outside [1, 1e9]"),
    ("step = 10\nspilover = 0.1", "unknown key 'spilover' (did you mean 'spillover'?)"),
    ("step = 10\nspillover = 1.1", "spillover = 1.1 is outside [0, 1]"),
    ("step = 10\nspillover = nan", "spillover = nan is not a number; allowed is [0, 1]"),
    ("step = 10\nspillover = true", "spillover = True is not a number"),
    ("step = 10\nsteps = 20", "steps cannot change on the way"),
    ("step = 10\ncapacity = 20", "capacity cannot change on the way"),
    ("step = 10\ninitial_firms = 20", "initial_firms cannot change on the way"),
    ("step = 10\nmarket_size = 20", "market_size cannot change on the way"),
    ('step = 10\nreading = "rate"', "reading cannot change on the way"),
    ("step = 10\ndemand_share = 2", "demand_share cannot change on the way"),
    ('step = 10\npolicy = "fixed"', "policy cannot change on the way"),
    ('step = 10\n"sectors.market.demand_share" = 2', "demand_share cannot change on the way"),
    (
        'step = 10\n"sectors.markt.monetisation" = 2',
        "unknown key 'sectors.markt.monetisation' (did you mean 'sectors.market.monetisation'?)",
    ),
    ('step = 10\n"sectors.market.churm" = 2', "unknown key 'sectors.market.churm'"),
    ('step = 10\n"strategies.bold.weight" = 2', "unknown key 'strategies.bold.weight'"),
    ("step = 10\nrunway = inf", "runway = inf where the scenario has 8.0: it goes neither to nor from inf"),
    ("step = 10", "nothing changes; give at least one parameter, demand_factor or seed"),
    ("step = 10\nuntil = 20\nramp = 2", "nothing changes"),
    ("step = 10\nseed = -1", "seed = -1 is outside [0, 2^63)"),
    ("step = 10\nseed = 9223372036854775808", "seed = 9223372036854775808 is outside [0, 2^63)"),
    ("step = 10\ndemand_factor = -0.1", "demand_factor = -0.1 is outside [0, 1e9]"),
    ("step = 10\ndemand_factor = inf", "demand_factor = inf is outside [0, 1e9]"),
    ("step = 10\nramp = 2\nreview_interval = 4", "review_interval changes at once"),
    ("step = 10\nramp = 2\ntechnology_ceiling = inf", "technology_ceiling goes to or from inf only at once"),
    ("step = 10\nweight = 0", "weight is 0 for all strategies at step 10"),
    ('step = 10\nspillover = 0.1\n[[changes]]\nname = "x"\nstep = 12\nchurn = 0.1', "the name is taken by changes[0]"),
]


@pytest.mark.parametrize("key", ["capacity", "steps", "reading", "sectors.a.demand_share"])
def test_a_name_of_what_cannot_change_on_the_way_is_told_from_an_unknown_one(key):
    name, own = f"changes.shock.{key}", key.rpartition(".")[2]
    with pytest.raises(InputError, match=f"{name}: {own} cannot change on the way$"):
        SCENARIO.with_settings([f"{name}=2"])
    with pytest.raises(InputError, match=f"^{name}: {own} cannot change on the way$"):
        SCENARIO.replace(**{name: 2})


@pytest.mark.parametrize(("lines", "message"), REFUSED, ids=[lines.replace("\n", ", ") for lines, _ in REFUSED])
def test_a_change_that_is_not_allowed_is_refused_by_the_command_line(lines, message, tmp_path, capsys):
    path = tmp_path / "changed.toml"
    path.write_text(f'[[changes]]\nname = "x"\n{lines}\n')
    assert main(["run", str(path), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err
    assert message in told and str(path) in told and len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("changes.shock.step=41", "step = 41 is outside [1, 40]"),
        ("changes.open_weights.until=5", "until = 5 is not above step = 10"),
        ("changes.open_weights.spillover=2", "spillover = 2 is outside [0, 1]"),
        ("changes.open_weights.spilover=0.2", "did you mean 'changes.open_weights.spillover'?"),
        ("changes.open_weight.spillover=0.2", "did you mean 'changes.open_weights.spillover'?"),
    ],
)
def test_a_setting_of_a_change_that_is_not_allowed_is_refused(setting, message, tmp_path, capsys):
    path = tmp_path / "changed.toml"
    path.write_text(TEXT)
    assert main(["check", str(path), "--set", setting]) == 2
    assert message in capsys.readouterr().err


def test_a_runway_that_is_infinite_stays_so():
    with pytest.raises(InputError, match="it goes neither to nor from inf"):
        Scenario(runway=math.inf, changes=[{"name": "x", "step": 3, "runway": 8.0}])


def test_a_ramp_from_infinity_is_refused_only_where_infinity_holds():
    lifted = {"name": "lifted", "step": 5, "until": 9, "technology_ceiling": math.inf}
    ramp = {"name": "ramp", "step": 8, "ramp": 4, "technology_ceiling": 3.0}
    with pytest.raises(InputError, match="technology_ceiling goes to or from inf only at once"):
        Scenario(changes=[lifted, ramp])
    assert len(Scenario(changes=[lifted, ramp | {"step": 9}]).changes) == 2
