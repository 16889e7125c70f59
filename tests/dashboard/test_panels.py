"""What a page shows, without a browser: columns and the rows that are new, dots, the largest firms, words."""

import numpy as np
import pytest

from abm import simulate
from abm.dashboard import firms, panels, ranking, views, words
from abm.market.firms import FIRM
from abm.output.charts import Line, Panel, marks_described
from abm.output.marks import marks_of
from tests.watching import market_of

# --- what is shown ------------------------------------------------------------------------------------


def rows_of(new, view):
    return np.frombuffer(new["rows"], "<f4").reshape(-1, len(view.columns))


def kept_by(browser, new, view):
    """What a browser keeps after a frame."""
    assert new["first"] <= len(browser)
    return np.concatenate([browser[: new["first"]], rows_of(new, view)])


@pytest.mark.parametrize("name", ["Market", "Sectors", "Strategies", "Two runs"])
def test_a_browser_that_has_followed_a_run_has_the_rows_of_the_run(name):
    market = market_of(capacity=60, changed=("churn", 0.5))
    view = views.view_of(market, name)
    browser = np.empty((0, len(view.columns)))
    for step in range(45):
        market.step()
        if step % 4 == 0:
            browser = kept_by(browser, views.news(market, view), view)
    new = views.news(market, view)
    assert len(rows_of(new, view)) < 6  # those of this frame and the last one that was sent
    browser = kept_by(browser, new, view)
    np.testing.assert_array_equal(browser, views.table(market, view.columns).astype("<f4"))
    assert browser[:, 0].tolist() == list(range(46))


def test_columns_are_those_of_the_result_of_the_same_run():
    market = market_of(made=30, capacity=60, changed=("churn", 0.5))
    result = simulate(market.scenario.replace(steps=30), seed=3)
    columns = ["q10_T", "hhi", "share_balanced", "enterprise/hhi", "enterprise/share_balanced", "difference/mean_T"]
    table = views.table(market, columns, since=1)
    sector = result.sectors.loc[result.sectors["sector"] == "enterprise"]
    other = simulate(market.scenario.replace(steps=30, churn=0.5), seed=3)
    shares = 100.0 * result.steps["share_balanced"]
    expected = [result.steps["q10_T"], result.steps["hhi"], shares, sector["hhi"], 100.0 * sector["share_balanced"]]
    np.testing.assert_array_equal(table, np.column_stack([*expected, other.steps["mean_T"] - result.steps["mean_T"]]))


def test_every_panel_names_columns_that_are_sent_and_is_told_apart():
    market = market_of(capacity=60, changed=("churn", 0.5))
    for name in views.VIEWS:
        view = views.view_of(market, name)
        for panel in view.described():
            assert panel["title"] and panel["lines"]
            for line in panel["lines"]:
                assert view.columns[line["at"]] == line["column"]
            looks = [(line["colour"], line["edge"]) for line in panel["lines"] if not line["edge"]]
            assert len(set(looks)) == len(looks), panel["title"]


@pytest.mark.parametrize("count", [1, 2, 999, 1000, 1001, 2500, 12_345])
def test_a_long_run_is_sent_as_extremes_that_keep_every_peak_and_the_last_row(count):
    rng = np.random.default_rng(count)
    table = np.column_stack([np.arange(count), rng.normal(size=count), rng.normal(size=count)])
    table[rng.integers(count, size=count // 10), 1] = np.nan
    table[count // 3, 1] = 99.0
    lines = [Line("peaks", "peaks")], [Line("shares", "shares")]
    shown = [Panel("", "", lines[0]), Panel("", "", lines[1], stacked=True)]
    view = panels.View(shown, lambda names, since: table[since:])
    rows = rows_of(view.news(count), view)
    assert len(rows) <= 2 * panels.MOST + 3
    assert (np.diff(rows[:, 0]) > 0).all() and rows[0, 0] == 0 and rows[-1].tolist() == table[-1].astype("<f4").tolist()
    assert np.nanmax(rows[:, 1]) == 99.0 and np.nanmin(rows[:, 1]) == np.nanmin(table[:, 1]).astype("<f4")
    # Shares are values of their own step, so that those of all strategies sum to 100.
    np.testing.assert_array_equal(rows[:, 2], table[rows[:, 0].astype(int), 2].astype("<f4"))


def test_rows_that_come_one_by_one_are_those_that_come_at_once():
    table = np.column_stack([np.arange(5000), np.random.default_rng(1).normal(size=5000)])
    line = Panel("", "", [Line("one", "one")])
    view, fresh = (panels.View([line], lambda names, since: table[since:count]) for _ in range(2))
    browser = np.empty((0, 2))
    for count in (*range(1, 5000, 37), 5000):
        browser = kept_by(browser, view.news(count), view)
    np.testing.assert_array_equal(browser, rows_of(fresh.news(5000), fresh))


def test_every_firm_has_its_dot_and_small_ones_lie_in_front():
    market = market_of(made=20, capacity=60)
    dots = np.frombuffer(firms.dots(market), "<f4").reshape(-1, 6)
    state = market.market.state.firms
    living = np.flatnonzero(state[FIRM.B] > 0)
    assert sorted(dots[:, 0]) == living.tolist()
    slots = dots[:, 0].astype(int)
    np.testing.assert_array_equal(dots[:, 1:4], state[[FIRM.T, FIRM.C, FIRM.R]][:, slots].T.astype("<f4"))
    assert (np.diff(dots[:, 4]) <= 0).all()
    assert dots[:, 5].tolist() == state[FIRM.strategy, slots].tolist()


def test_what_is_said_of_a_firm_is_what_the_table_of_firms_has():
    market = market_of(made=20, capacity=60)
    row = market.firms.iloc[5]
    said = firms.said_of(market, int(row["slot"]))
    rows = dict(said["rows"])
    assert said["title"] == f"firm {row['id']}" and rows["sector"] == row["sector"]
    assert rows["strategy"] == row["strategy"] and rows["age"] == f"{row['age']} steps"
    for name in firms.SAID:
        assert float(rows[name].replace(",", "")) == pytest.approx(row[name], rel=0.006)
    vacant = np.flatnonzero(market.market.state.firms[FIRM.B] == 0)
    assert firms.said_of(market, int(vacant[0])) is None and firms.said_of(market, None) is None
    assert firms.said_of(market, 10**6) is None and firms.said_of(market, -1) is None


def test_the_path_of_a_firm_is_that_of_the_same_firm_in_a_panel_and_ends_when_it_leaves():
    market = market_of(made=5, capacity=60)
    result = simulate(market.scenario.replace(steps=60), seed=3, panel=1)
    lives = result.lives
    leaver = lives[(lives["exit_step"] > 8) & (lives["entry_step"] == 0)].iloc[0]
    slot = int(market.firms.set_index("id").loc[leaver["id"], "slot"])
    market.followed = firms.Path(market, slot)
    for _ in range(55):
        market.step()
    panel = result.panel.reset_index()
    own = panel[(panel["id"] == leaver["id"]) & (panel["step"] >= 5)]
    for name in "TCR":
        path = views.table(market, [f"firm/{name}"])[:, 0]
        end = int(leaver["exit_step"])
        assert np.isnan(path[:5]).all() and np.isnan(path[end + 1 :]).all()
        np.testing.assert_array_equal(path[5:end], own[name])
        assert path[end] == leaver[name]
    assert f"step {leaver['exit_step']} ({leaver['reason']})" in market.followed.exit
    assert market.followed.ring() == {"T": leaver["T"], "C": leaver["C"], "left": True}


@pytest.mark.parametrize("reading", ["rate", "increment"])
def test_views_hold_markets_that_grow_without_bound_or_are_empty(reading):
    market = market_of(made=60, capacity=40, reading=reading, changed=("k1", 2.0))
    empty = market_of(made=30, capacity=20, runway=0.5, k1=0.0, k2=0.0, R0=0.1, entry_rate=0.0, changed=("k1", 2.0))
    assert len(empty.agents) == 0
    for each in (market, empty):
        for name in views.VIEWS:
            view = views.view_of(each, name)
            assert not np.isinf(rows_of(views.news(each, view), view)).any()
    assert firms.dots(empty) == b""
    assert asked_of(empty)["rows"] == []
    since = int((empty.datacollector.rows(["firms"])[:, 0] > 0.0).sum())
    assert words.run_in_words(empty) == f"Step 30 of 400: collapsed market, no firm from step {since} on."


def test_a_change_on_the_way_is_a_mark_with_its_end_or_none():
    changes = [
        {"name": "shock", "step": 9, "demand_factor": 0.5},
        {"name": "open", "step": 3, "until": 7, "churn": 0.5},
    ]
    assert marks_described(marks_of(market_of(capacity=40, changes=changes).scenario)) == [
        ("shock", 9.0, None),
        ("open", 3.0, 7.0),
    ]


def asked_of(market, **asked) -> dict:
    return ranking.firm_page(market, ranking.Asked(**asked))


@pytest.mark.parametrize("column", [each for each in ranking.COLUMNS if each != "firm"])
def test_the_table_of_firms_holds_all_of_them_a_page_at_a_time_by_any_column(column):
    market = market_of(made=20, capacity=60)
    for descending in (True, False):
        expected = market.firms.sort_values(column, ascending=not descending, kind="stable")
        rows, page = [], 0
        while (found := asked_of(market, column=column, descending=descending, page=page))["page"] == page:
            rows += [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
            page += 1
        assert len(rows) == found["firms"] == len(expected) and found["pages"] == page
        assert {row["firm"] for row in rows} == {f"firm {each}" for each in expected["id"]}
        form = {"share": lambda value: f"{100 * value:.2f}%", "sector": str, "strategy": str, "age": "{:,}".format}
        written = [form.get(column, "{:.3g}".format)(value) for value in expected[column]]
        assert [row[column] for row in rows] == written


def test_the_table_of_firms_is_searched_by_name_sector_and_strategy():
    market = market_of(made=20, capacity=60)
    table = market.firms
    assert asked_of(market, text="enterprise")["firms"] == (table["sector"] == "enterprise").sum()
    assert asked_of(market, text="imitative")["firms"] == (table["strategy"] == "imitative").sum()
    last = f"firm {table['id'].max()}"
    assert last in [row[0] for row in asked_of(market, text=last)["rows"]]
    assert asked_of(market, text="nobody")["rows"] == []


def test_the_words_say_what_the_outcomes_of_the_same_run_say():
    market = market_of(made=40, capacity=60)
    outcomes = simulate(market.scenario.replace(steps=40), seed=3).outcomes
    said = words.run_in_words(market)
    assert said.startswith(f"Step 40 of 400: {len(market.agents)} firms")
    assert outcomes["winner"] in said and f"{outcomes['sector_hhi']:,.0f}" in said
    assert {"virtuous": "virtuous growth", "vicious": "vicious decline", "stagnant": "stagnation"}[
        outcomes["growth"]
    ] in said


def test_the_words_name_a_winner_at_the_end_and_nothing_before_the_first_step():
    assert words.run_in_words(market_of(capacity=60)) == "Step 0 of 400: 60 firms."
    assert "ahead so far: " in words.run_in_words(market_of(made=30, capacity=60))
    done = words.run_in_words(market_of(made=30, capacity=60, steps=30))
    assert "winner: " in done and "ahead so far" not in done


def test_the_plane_draws_the_largest_firms_of_a_large_market():
    market = market_of(made=3, capacity=12_000)
    dots = np.frombuffer(firms.dots(market), "<f4").reshape(-1, 6)
    largest = market.firms.nlargest(100, "share")
    assert len(dots) == firms.DOTS
    assert {*largest["slot"]} <= {*dots[:, 0].astype(int)}
