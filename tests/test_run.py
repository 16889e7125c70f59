"""The compiled run: parameters that change on the way, the record of leavers, and the kernels' cache."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from abm import Scenario, compilation, simulate
from abm import state as at
from abm.engine import Market

SCENARIO = Scenario.load("four-sectors").replace(capacity=60, steps=40, entry_rate=0.1)


def market_of(scenario: Scenario) -> Market:
    return Market(scenario, 3, steps=scenario.steps)


def test_a_market_without_an_end_goes_through_the_states_of_one_with_an_end_and_keeps_no_rows():
    endless, ended = Market(SCENARIO, 3), market_of(SCENARIO)
    for market in (endless, ended):
        market.advance(20)
    shown = [at.B, at.T, at.C, at.R, at.Q, at.F]
    np.testing.assert_array_equal(endless.state.firms[shown], ended.state.firms[shown])
    assert (len(endless.record.rows), len(ended.record.rows)) == (0, 40)


@pytest.mark.parametrize(
    ("table", "row", "column", "changes"),
    [
        (0, 0, at.CHURN, {"churn": 0.9}),
        (1, 2, at.QUALITY_ELASTICITY, {"sectors.enterprise.quality_elasticity": 0.9}),
        (2, 1, at.TECHNOLOGY_WEIGHT, {"strategies.market_first.technology_weight": 0.9}),
    ],
)
def test_a_parameter_that_changes_at_a_step_acts_from_that_step_on(table, row, column, changes):
    changed = market_of(SCENARIO)
    changed.parameters = changed.parameters._replace(changes=np.array([[16.0, table, row, column, 0.9]]))
    changed.advance(40)

    by_hand = market_of(SCENARIO)
    by_hand.advance(15)
    target = (by_hand.parameters.market[np.newaxis], by_hand.parameters.sectors, by_hand.parameters.strategies)[table]
    target[row, column] = 0.9
    by_hand.advance(40)

    unchanged = market_of(SCENARIO)
    unchanged.advance(40)
    assert np.array_equal(changed.record.rows, by_hand.record.rows, equal_nan=True)
    assert np.array_equal(changed.record.rows[:15], unchanged.record.rows[:15], equal_nan=True)
    assert not np.array_equal(changed.record.rows[20:], unchanged.record.rows[20:], equal_nan=True)
    assert market_of(SCENARIO.replace(**changes)).parameters[table].flat[row * target.shape[1] + column] == 0.9


def test_every_leaver_is_recorded_when_the_record_has_to_grow():
    crowded = SCENARIO.replace(entry_rate=1e9, runway=1.0, steps=300)
    result = simulate(crowded, 1)
    assert result.steps.exits.sum() > 4 * crowded.capacity
    assert result.lives.exit_step.notna().sum() == result.steps.exits.sum()
    assert result.lives.id.tolist() == list(range(60 + result.steps.entries.sum()))


def test_a_market_whose_parameters_are_arrays_has_a_place_for_every_kernel_parameter():
    assert len(at.MARKET_PARAMETERS) == at.READING
    assert [at.MARKET_PARAMETERS[place] for place in (at.CHURN, at.RUNWAY, at.MEDIAN_K3, at.INITIAL_MOMENTUM)] == [
        "churn",
        "runway",
        "k3",
        "initial_momentum",
    ]


def test_the_cache_folder_knows_every_module_that_has_compiled_functions():
    decorators = re.compile("^@(inlined|allocating|kernel)$", re.MULTILINE)
    compiled = {path.stem for path in compilation._PACKAGE.glob("*.py") if decorators.search(path.read_text())}
    # `compilation` defines the three, `state` holds the constants that are compiled in.
    assert compiled | {"compilation", "state"} == set(compilation.KERNELS)


def test_a_run_works_where_no_cache_can_be_written(tmp_path):
    code = (
        "import os; access = os.access; os.access = lambda *a, **k: False\n"
        "from abm import compilation; assert compilation.CACHE_FOLDER is None; assert compilation.is_cold()\n"
        "from abm.equations import rate; assert rate(0.5, 0.5) == 0.25\n"
        "from abm.run import tally_peak; import numpy as np; tally_peak(np.zeros(3), 1.0, 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
