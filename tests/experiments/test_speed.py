"""The parts of the speed benchmark; how fast anything is is not tested."""

import pytest

from experiments.speed import worker
from experiments.speed.elsewhere import Elsewhere
from experiments.speed.machine import instructions, machine, processor
from experiments.speed.targets import verdict


@pytest.mark.parametrize(
    ("median", "bounds", "reached"),
    [
        (9.0, (">= 6.5", ">= 8"), "hoped for"),
        (7.0, (">= 6.5", ">= 8"), "at least"),
        (6.4, (">= 6.5", ">= 8"), "missed"),
        (0.4, ("<= 0.6", "<= 0.4"), "hoped for"),
        (0.7, ("<= 0.6", "<= 0.4"), "missed"),
        (0.7, ("", ""), ""),
    ],
)
def test_a_figure_is_held_against_both_of_its_bounds(median, bounds, reached):
    assert verdict(median, *bounds) == reached


def test_the_steady_state_has_turnover_and_the_fresh_market_has_none_but_exits():
    market, last = worker.steady(400)
    market.advance(last)
    events = [market.measures.index(name) for name in ("entries", "exits")]
    entries, exits = market.record.rows[worker.STEPS_BEFORE :, 0, events].sum(axis=0)
    assert entries > 50 and exits > 50
    assert abs(entries - exits) < 0.3 * entries
    market, last = worker.fresh(400, 20, full=False)
    market.advance(last)
    assert market.record.rows[:, 0, events[0]].sum() == 0


def test_a_market_is_timed_in_another_process_and_its_end_is_told(tmp_path):
    elsewhere = Elsewhere("this checkout")
    candidate = elsewhere.candidate("steady")
    assert candidate.make() > 0.0
    assert candidate.go(None) > 0.0
    elsewhere.close()
    (tmp_path / "abm.py").write_text("raise SystemExit")
    with pytest.raises(SystemExit, match="no market: its process has ended"):
        Elsewhere("no market", tmp_path).ask("make", "steady")


def test_the_processor_has_a_name_and_known_instructions():
    about = machine(20.0)
    assert about["processor"] == processor() and "(" in about["processor"]
    assert about["instructions"] == instructions() in ("AVX-512", "AVX2", "SSE2", "NEON", "none known")
