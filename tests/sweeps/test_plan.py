"""The plan of a design: its runs, their keys and seeds, and points that share runs."""

import math

import numpy as np
import pytest

from abm import InputError, Scenario
from abm.sweeps.design import plan as plan_module
from abm.sweeps.design.plan import Plan, plan_of, point_key, run_seed, values_digest
from abm.sweeps.store.plan_files import load_plan, save_plan
from tests.sweeping import design_of

HEAD = 'scenario = "four-sectors"\n'


def plan(text: str, folder=".") -> Plan:
    return plan_of(design_of(HEAD + text, folder))


def stored(found: Plan) -> list[tuple[str, int]]:
    """Key and seed of each run of a plan, in order."""
    keys = [found.keys[point] for point in found.first_points]
    return [(key, int(seed)) for key, seeds in zip(keys, found.seeds, strict=True) for seed in seeds]


# --- seeds --------------------------------------------------------------------------------------------


def test_seeds_are_those_of_every_version_of_the_package():
    """Computed with b2sum. With other seeds no stored run of an earlier sweep would be found."""
    before = [3947200732462000928, 1673505985185946212, 2240702124868795744, 7337803910714257217]
    asked = [(1, 0), (1, 1), (2, 0), (1, 0, b"point")]
    assert [run_seed(*each, draws=1) for each in asked] == before
    assert [run_seed(*each) for each in asked] == [seed >> 10 for seed in before]


def test_seeds_are_allowed_ones_and_differ():
    seeds = [run_seed(seed, replication) for seed in (0, 1, 12, 2**63 - 1) for replication in range(500)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**53 for seed in seeds)  # as R, Excel and JavaScript read them
    # seed 1, replication 23 must not be seed 12, replication 3
    assert run_seed(1, 23) != run_seed(12, 3)


def test_common_random_numbers_are_the_same_at_every_point():
    found = plan("factors = {churn = [0.1, 0.2, 0.9]}\nreplications = {count = 4, seed = 3}")
    assert found.seeds.tolist() == 3 * [[run_seed(3, replication) for replication in range(4)]]


def test_more_replications_begin_with_the_seeds_of_fewer():
    few, more = (plan(f"replications = {{count = {count}}}").seeds[0].tolist() for count in (3, 7))
    assert more[:3] == few


def test_independent_random_numbers_differ_between_points_but_not_between_equal_ones():
    text = "factors = {churn = [%s]}\nreplications = {count = 3, common = false}"
    found, turned = plan(text % "0.1, 0.2, 0.9"), plan(text % "0.9, 0.1")
    assert len(set(found.seeds.ravel().tolist())) == 9
    assert turned.seeds.tolist() == [found.seeds[2].tolist(), found.seeds[0].tolist()]


def test_independent_seeds_come_from_the_values_of_a_point_and_not_from_the_way_they_are_set():
    independent = "replications = {count = 2, common = false}\n"
    by_factor = plan(independent + "factors = {churn = [0.4]}")
    by_set = plan(independent + "set = {churn = 0.4}")
    with_another = plan(independent + "factors = {churn = [0.4], spillover = [0.01, 0.02]}")
    assert stored(by_factor) == stored(by_set)
    assert set(stored(by_set)) < set(stored(plan(independent + "factors = {churn = [0.4, 0.5]}")))
    assert stored(with_another)[2:] == stored(plan(independent + "set = {churn = 0.4, spillover = 0.02}"))


# --- keys ---------------------------------------------------------------------------------------------


def another(scenario: Scenario, name: str) -> Scenario:
    """The scenario with another allowed value of a parameter."""
    parameter = scenario.settable()[name]
    for value in (*parameter.choices, 0.125, 0.5, 1.5, 3, 7, 300):
        try:
            changed = scenario.replace(**{name: value})
        except (InputError, ValueError):
            continue
        if changed != scenario:
            return changed
    raise AssertionError(f"no other value of {name}")


def test_every_value_of_a_scenario_is_part_of_a_runs_identity():
    scenario = Scenario.load("four-sectors")
    names = [name for name in scenario.settable() if name != "name"]
    assert len(names) > 60
    digests = {name: values_digest(another(scenario, name)) for name in names}
    for name, digest in digests.items():
        assert digest != values_digest(scenario), name
    renamed = Scenario.from_toml(scenario.to_toml().replace("nlp_vision", "vision"))
    assert values_digest(renamed) != values_digest(scenario)  # it is in the tables


def test_the_name_of_a_scenario_and_how_a_value_is_written_are_not():
    scenario = Scenario.load("four-sectors")
    assert values_digest(scenario.replace(name="other")) == values_digest(scenario)
    assert values_digest(scenario.replace(capacity=400, churn=1)) == values_digest(scenario.replace(churn=1.0))
    assert values_digest(Scenario(initial_firms=400)) == values_digest(Scenario())  # what the default comes to


def test_table_and_version_of_the_model_are_part_of_a_runs_identity(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("sector,strategy,T\nenterprise,balanced,2\n")
    (tmp_path / "b.csv").write_text("sector,strategy,T\nenterprise,balanced,3\n")
    (tmp_path / "a-again.csv").write_text("sector,strategy,T\nenterprise,balanced,2\n")
    keys = {name: plan(f'firms = "{name}.csv"', tmp_path).keys[0] for name in ("a", "b", "a-again")}
    assert keys["a"] == keys["a-again"]
    assert len({keys["a"], keys["b"], plan("").keys[0]}) == 3
    monkeypatch.setattr(plan_module, "MODEL_VERSION", "another")
    assert plan('firms = "a.csv"', tmp_path).keys[0] != keys["a"]


def test_the_version_of_the_model_changes_every_key(monkeypatch):
    before = plan("factors = {churn = [0.1, 0.2]}")
    monkeypatch.setattr(plan_module, "MODEL_VERSION", "another")
    after = plan("factors = {churn = [0.1, 0.2]}")
    assert not set(before.keys) & set(after.keys)
    assert (after.seeds == before.seeds).all()


def test_replications_and_what_is_kept_are_not_part_of_a_points_identity():
    keys = plan("").keys.tolist()
    assert plan("replications = {count = 3, seed = 9}\ncollect = {lives = true, steps = 2}").keys.tolist() == keys


# --- points -------------------------------------------------------------------------------------------


def test_equal_points_share_their_runs(tmp_path):
    (tmp_path / "points.csv").write_text("churn,steps\n0.5,10\n0.25,10\n0.50,1e1\n0.25,11\n0.25,10\n")
    found = plan('design = {method = "list", file = "points.csv"}\nreplications = {count = 3}', tmp_path)
    assert found.distinct_of.tolist() == [0, 1, 0, 2, 1]
    assert found.first_points.tolist() == [0, 1, 3]
    assert (found.runs, found.rows, len(set(stored(found)))) == (9, 15, 9)
    assert found.keys[0] == found.keys[2] != found.keys[1]


def test_morris_points_that_rounding_makes_equal_share_their_runs():
    text = 'design = {method = "morris", points = 8}\n[factors]\nreview_interval = {low = 1, high = 3}\n'
    found = plan(text + 'policy = ["fixed", "imitate"]')
    values = found.points.apply(tuple, axis=1)
    assert len(found.first_points) == values.nunique() < len(values) == 24
    assert [values[point] for point in found.first_points[found.distinct_of]] == values.tolist()


def test_a_factor_at_the_value_that_it_had_without_keeps_every_run():
    before = plan("factors = {network_effect = [0.0, 0.9]}")
    default = Scenario.load("four-sectors").churn
    after = plan(f"factors = {{network_effect = [0.0, 0.9], churn = [{default}, 0.9]}}")
    assert set(stored(before)) < set(stored(after))
    sectors = '"sectors.enterprise.quality_elasticity"'
    usual = Scenario.load("four-sectors").sectors[2].quality_elasticity
    assert set(stored(before)) < set(stored(plan(f"[factors]\nnetwork_effect = [0.0, 0.9]\n{sectors} = [{usual}, 3]")))


@pytest.mark.parametrize("method", ["sobol", "saltelli"])
def test_a_longer_sequence_begins_with_the_runs_of_a_shorter_one(method):
    text = 'design = {method = "%s", points = %d, seed = 5}\n[factors]\nchurn = {low = 0.1, high = 1}\n'
    text += "runway = {low = 1, high = 9}"
    short, longer = plan(text % (method, 8)), plan(text % (method, 32))
    assert longer.keys[: len(short.keys)].tolist() == short.keys.tolist()
    assert len(set(longer.keys)) > len(short.keys)


def test_a_point_that_is_no_scenario_is_named_by_its_row_and_values(tmp_path):
    (tmp_path / "points.csv").write_text("capacity,initial_firms\n50,50\n30,20\n30,31\n")
    with pytest.raises(InputError) as refusal:
        plan('design = {method = "list", file = "points.csv"}', tmp_path)
    message = str(refusal.value)
    assert message.startswith("my.toml: point 2, row 3 of its file (capacity = 30, initial_firms = 31): ")
    assert "initial_firms = 31" in message.split("): ")[1]


def test_work_grows_with_slots_and_steps():
    found = plan("factors = {capacity = [100, 1000], steps = [10, 20]}")
    work = dict(zip(found.points.apply(tuple, axis=1), found.work, strict=True))
    assert work[100, 20] == 2 * work[100, 10]
    assert work[1000, 10] > 2 * work[100, 10]


def test_a_plan_is_read_as_it_was_saved(tmp_path):
    found = plan('[factors]\nrunway = [2.5, inf]\nsteps = [10, 20]\npolicy = ["fixed", "imitate"]')
    save_plan(found, tmp_path)
    again = load_plan(tmp_path, found.replications)
    assert stored(again) == stored(found)
    assert (again.work == found.work).all() and again.digests.tolist() == found.digests.tolist()
    for point in range(8):
        assert again.changes(point) == found.changes(point)
        assert [type(value) for value in again.changes(point).values()] == [float, int, str]
    assert again.changes(5) == {"runway": math.inf, "steps": 10, "policy": "imitate"}


def test_a_design_without_factors_is_one_point(tmp_path):
    found = plan("")
    assert (len(found.points), found.runs, found.changes(0)) == (1, 10, {})
    save_plan(found, tmp_path)
    assert stored(load_plan(tmp_path, found.replications)) == stored(found)
    assert found.keys[0] == point_key(values_digest(Scenario.load("four-sectors")), None)
    assert np.unique(found.seeds).size == 10
