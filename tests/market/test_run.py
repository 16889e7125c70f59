"""The compiled run: parameters that change on the way, the record of leavers, and the kernels' cache."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import abm
from abm import Scenario, simulate
from abm.market.aggregate import recompute_sums
from abm.market.firms import FIRM, FIRM_ROWS, firm_of, firms_in
from abm.market.setup import parameters_of
from abm.numerics import compilation
from abm.numerics.compilation import part
from abm.scenario.parameters import MARKET, SECTOR, STRATEGY
from abm.simulation.market import Market

SCENARIO = Scenario.load("four-sectors").replace(capacity=60, steps=40, entry_rate=0.1)


def market_of(scenario: Scenario) -> Market:
    return Market(scenario, 3, steps=scenario.steps)


def test_a_market_without_an_end_goes_through_the_states_of_one_with_an_end_and_keeps_no_rows():
    endless, ended = Market(SCENARIO, 3), market_of(SCENARIO)
    for market in (endless, ended):
        market.advance(20)
    shown = [FIRM.B, FIRM.T, FIRM.C, FIRM.R, FIRM.Q, FIRM.F]
    np.testing.assert_array_equal(endless.state.firms[shown], ended.state.firms[shown])
    assert (len(endless.record.rows), len(ended.record.rows)) == (0, 40)


@pytest.mark.parametrize(
    ("table", "row", "name", "changes"),
    [
        (0, 0, "variable_cost_share", {"variable_cost_share": 0.9}),
        (1, 2, "quality_elasticity", {"sectors.enterprise.quality_elasticity": 0.9}),
        (2, 1, "technology_weight", {"strategies.market_first.technology_weight": 0.9}),
    ],
)
def test_a_parameter_that_changes_at_a_step_acts_from_that_step_on(table, row, name, changes):
    changed = market_of(SCENARIO.replace(changes=[{"name": "change", "step": 16, **changes}]))
    changed.advance(40)

    by_hand = market_of(SCENARIO)
    by_hand.advance(15)
    by_hand.parameters[table][name][row] = 0.9
    recompute_sums(by_hand.state, by_hand.parameters, by_hand.scratch[0])  # attractiveness by the new elasticity
    by_hand.advance(40)

    unchanged = market_of(SCENARIO)
    unchanged.advance(40)
    assert np.array_equal(changed.record.rows, by_hand.record.rows, equal_nan=True)
    assert np.array_equal(changed.record.rows[:15], unchanged.record.rows[:15], equal_nan=True)
    assert not np.array_equal(changed.record.rows[20:], unchanged.record.rows[20:], equal_nan=True)
    assert market_of(SCENARIO.replace(**changes)).parameters[table][name][row] == 0.9


def test_every_leaver_is_recorded_when_the_record_has_to_grow():
    crowded = SCENARIO.replace(entry_rate=1e9, runway=1.0, steps=300)
    result = simulate(crowded, 1)
    assert result.steps.exits.sum() > 4 * crowded.capacity
    assert result.lives.exit_step.notna().sum() == result.steps.exits.sum()
    assert result.lives.id.tolist() == list(range(60 + result.steps.entries.sum()))


def test_the_arrays_of_a_market_hold_every_parameter_of_the_table_by_its_name():
    parameters, sector, strategy = parameters_of(SCENARIO), SCENARIO.sectors[2], SCENARIO.strategies[-1]
    for source, held, table in (
        (SCENARIO, parameters.market[0], MARKET),
        (sector, parameters.sectors[2], SECTOR),
        (strategy, parameters.strategies[-1], STRATEGY),
    ):
        for name, parameter in table.items():
            value = getattr(source, name)
            assert held[name] == (parameter.choices.index(value) if parameter.kind == "choice" else value), name


@part
def columns_summed(firms, start, stop, sums):
    """The sum of each column of some firms, which are marked by their ids."""
    firm = firm_of(firms, start, stop)
    for place, column in enumerate(firm):
        sums[place] = column.sum()
    for i in range(firm.id.size):
        firm.id[i] = -i - 1.0


def test_the_columns_of_firms_are_views_on_the_rows_that_their_names_say():
    firms, sums = np.random.default_rng(0).random((FIRM_ROWS, 7)), np.empty(len(FIRM))
    expected = [firms[row, 2:5].sum() for row in FIRM]
    columns_summed(firms, 2, 5, sums)
    assert sums == pytest.approx(expected, rel=1e-15)
    assert firms[FIRM.id, 2:5].tolist() == [-1.0, -2.0, -3.0]
    assert (firms[FIRM.id, [0, 1, 5, 6]] > 0.0).all()
    copies = firms_in(firms, np.array([4, 2]))
    assert copies.id.tolist() == [-3.0, -1.0]
    assert copies.growth.tolist() == copies.next_theta.tolist() == firms[24, [4, 2]].tolist()


def test_the_cache_folder_knows_every_module_that_has_compiled_functions():
    decorators = re.compile("^@(formula|inlined|part|kernel)$", re.MULTILINE)
    compiled = {path for path in Path(abm.__file__).parent.rglob("*.py") if decorators.search(path.read_text())}
    assert compiled
    assert compiled <= set(compilation.sources())


def test_a_run_works_where_no_cache_can_be_written(tmp_path):
    code = (
        "import os; access = os.access; os.access = lambda *a, **k: False\n"
        "from abm.numerics import compilation; assert compilation.CACHE_FOLDER is None; assert compilation.is_cold()\n"
        "from abm.numerics.vectormath import log; assert log(1.0) == 0.0\n"
        "from abm.market.run import tally_peak; import numpy as np; tally_peak(np.zeros(3), 1.0, 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
