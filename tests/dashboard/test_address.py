"""What is on screen as the query of an address."""

import pandas as pd
import pytest

from abm.dashboard.address import address_of, visit
from abm.dashboard.origins import Opening, Origin, find_origin, open_with
from abm.dashboard.watched import WatchedMarket
from abm.scenario.policies import POLICIES
from abm.scenario.scenario import Scenario
from tests.watching import FOUR, market_of


def test_an_address_brings_the_same_market_to_the_same_step():
    market = market_of(
        made=6, rng=2**62 + 1, changed=("network_effect", 0.9), capacity=50, steps=90, runway=7.123456789
    )
    market.move("churn", churn=0.31)
    market.move("open weights", **POLICIES["open weights"])
    for _ in range(9):
        market.step()
    found = visit(address_of(market, "Firms"))
    assert (found.step, found.tab, found.complaint) == (15, "Firms", "")
    again = found.market
    while again.steps_done < found.step:
        again.step()
    assert again.scenario == market.scenario and again.changed_parameter == market.changed_parameter
    for one, other in ((again, market), (again.other, market.other)):
        pd.testing.assert_frame_equal(one.firms, other.firms, check_exact=True)
    assert found.chosen["scenario"] == market.given and address_of(again, "Firms") == address_of(market, "Firms")


def test_an_address_brings_what_waits_for_reset_too():
    market = market_of(made=4, changed=("k1", 0.7), churn=0.3)
    market.move("churn", churn=0.25)
    one_market = find_origin("one-market")
    for chosen in (
        {"scenario": FOUR.scenario.replace(capacity=800), "rng": 9, "origin": FOUR, "changed": ("k1", 0.7)},
        {"scenario": FOUR.scenario, "rng": 3, "origin": FOUR, "changed": None},
        {"scenario": one_market.scenario.replace(churn=0.4), "rng": 3, "origin": one_market, "changed": ("churn", 0.6)},
    ):
        found = visit(address_of(market, "Market", chosen))
        assert (found.complaint, found.chosen) == ("", chosen)
        assert found.market.scenario == market.scenario and found.market.changed_parameter == ("k1", 0.7)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("scenario=/etc/passwd", "the page offers no scenario '/etc/passwd'; allowed: "),
        ("scenario=four%00", r"the page offers no scenario 'four\x00'"),
        ("seed=5&step=10&set=churn%3D0.5", "scenario is missing; allowed: applications, "),
        ("scenario=four-sectors&sed=7", "unknown key 'sed' (did you mean 'seed'?); allowed: scenario, set, seed, "),
        ("scenario=four-sectors&seed=1&seed=2", "seed is there twice"),
        ("scenario=four-sectors&set=chrun%3D1", "did you mean 'churn'"),
        ("scenario=four-sectors&set=capacity%3D1e9", "GB of memory"),
        ("scenario=four-sectors&set=churn%3D" + 990 * "[", "is not a number; allowed is (0, 1]"),
        ("scenario=four-sectors&set=churn%3D" + 1_000 * "1", "set has 1,006 characters; allowed are at most 1,000"),
        ("scenario=four-sectors&seed=-1", "seed = '-1' is not a whole number from 0 to 9,223,372,036,854,775,807"),
        (f"scenario=four-sectors&seed={2**63}", f"seed = '{2**63}' is not a whole number from 0 to "),
        ("scenario=four-sectors&seed=", "seed = '' is not a whole number from 0 to "),
        ("scenario=four-sectors&step=x", "step = 'x' is not a whole number from 0 to 400"),
        ("scenario=four-sectors&step=401", "step = '401' is not a whole number from 0 to 400"),
        (f"scenario=four-sectors&step={10**30}", f"step = '{10**30}' is not a whole number from 0 to 400"),
        ("scenario=four-sectors&tab=firms", "tab = 'firms' is none of Market, Firms, "),
        ("scenario=four-sectors&tab=firms", "(did you mean 'Firms'?)"),
        ("scenario=four-sectors&second=nothing", "second = 'nothing' is not of the form NAME=VALUE"),
        ("scenario=four-sectors&second=chrun%3D0.4", "unknown parameter 'chrun' (did you mean 'churn'?)"),
        ("scenario=four-sectors&reset-seed=4", "scenario is missing"),
        ("scenario=four-sectors&reset-scenario=one-market&reset-set=capacity%3D1e9", "GB of memory"),
        ("scenario=four-sectors&second=churn%3D4", "second = 'churn=4': churn = 4 is outside (0, 1]"),
        ("scenario=four-sectors&moves=" + 12_000 * "[", "... is not of the form [{"),
        ("scenario=four-sectors&moves=" + 100_000 * "1", "it has 100,028 characters; allowed are at most 64,000"),
        ("scenario=four-sectors&moves=[1]", 'moves = \'[1]\' is not of the form [{"name": NAME, "step": STEP, '),
        ("scenario=four-sectors&moves=null", "moves = 'null' is not of the form"),
        ("scenario=four-sectors&moves=xx", "moves = 'xx' is not of the form"),
        ('scenario=four-sectors&moves=[{"step":3,"churn":0.5}]', "moves[0]: name is missing"),
        ('scenario=four-sectors&moves=[{"name":"a","step":3,"churn":[]}]', "moves[0]: 'churn' is a list or table"),
        ('scenario=four-sectors&moves=[{"name":"a","step":3,"capacity":7}]', "capacity cannot change on the way"),
        (r'scenario=four-sectors&moves=[{"name":"a","step":3,"sectors.\ud800.churn":7}]', "is not of the form"),
    ],
)
def test_an_address_that_is_not_understood_is_said_and_the_page_opens_without_it(query, words):
    found = visit(query)
    assert found.complaint.startswith("The address is not followed: ") and words in found.complaint
    assert found.market.given == FOUR.scenario and found.step == 0


def test_what_the_server_and_solara_put_into_an_address_asks_for_nothing():
    assert visit("token=abc&solara-no-close=1").complaint == ""


def test_an_address_leads_to_no_file(tmp_path):
    rule = tmp_path / "rule.py"
    rule.write_text("raise SystemExit\n")
    queries = f"set=policy%3D{rule}:choose", f"second=policy%3D{rule}:choose", f"set=policy%3D'{rule}:choose'"
    for query in (*queries, f"reset-scenario=four-sectors&reset-{queries[0]}"):
        assert "names no rule of your own" in visit(f"scenario=four-sectors&{query}").complaint


def test_an_address_of_a_firm_table_s_market_brings_its_firms(tmp_path):
    from abm.simulation.firm_table import read_firm_cells

    market_of(capacity=30).firms.to_csv(tmp_path / "firms.csv", index=False)
    origin = Origin("mine.toml", Scenario.load("four-sectors"), read_firm_cells(tmp_path / "firms.csv"), "firms.csv")
    open_with(Opening(origin))
    try:
        market = WatchedMarket(origin.scenario, rng=4, origin=origin)
        assert len(market.agents) == 30
        pd.testing.assert_frame_equal(visit(address_of(market, "")).market.firms, market.firms, check_exact=True)
    finally:
        open_with(Opening(FOUR))
