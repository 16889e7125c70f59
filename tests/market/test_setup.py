"""How slots and first firms are dealt to sectors and strategies, beside brute force and exact fractions."""

import math
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from abm import Scenario
from abm.market.setup import layout_for, layout_of
from tests.quotas import closest_split, exact, sectors_of

quick = settings(max_examples=150, deadline=None)

weights = st.lists(st.integers(0, 12), min_size=1, max_size=5).filter(any)


def dealt_one_by_one(counts, shares, total):
    """Slots as the specification deals them: one by one to the largest lack, ties to the earlier."""
    slots, wanted = list(counts), [share * total for share in exact(shares)]
    while sum(slots) < total:
        lack = [want - count for want, count in zip(wanted, slots, strict=True)]
        slots[lack.index(max(lack))] += 1
    return slots


def slots_of(shares, capacity):
    return layout_of(Scenario(capacity=capacity, initial_firms=1, sectors=sectors_of(shares))).slots.tolist()


def slots_around(rows, shares, capacity):
    scenario = Scenario(capacity=capacity, initial_firms=1, sectors=sectors_of(shares))
    return layout_for(np.array(rows), scenario).slots.tolist()


@quick
@given(shares=weights, capacity=st.integers(1, 400))
def test_slots_are_split_into_the_closest_whole_numbers_to_the_quotas(shares, capacity):
    assert slots_of(shares, capacity) == list(closest_split(shares, capacity))


@pytest.mark.parametrize(
    ("shares", "capacity", "slots"),
    [
        ([1, 1, 1], 2, [1, 1, 0]),
        ([1, 1, 1, 1], 6, [2, 2, 1, 1]),
        ([5, 3, 2], 4, [2, 1, 1]),  # quotas 2, 1.2, 0.8
        ([1, 5], 3, [1, 2]),  # 0.5, 2.5: a tie
        ([0, 1], 5, [0, 5]),
        ([0.3, 0.2, 0.3, 0.2], 10**9, [3 * 10**8, 2 * 10**8, 3 * 10**8, 2 * 10**8]),
    ],
)
def test_a_split_worked_out_by_hand(shares, capacity, slots):
    assert slots_of(shares, capacity) == slots
    assert tuple(slots) == closest_split(shares, capacity)


@pytest.mark.parametrize(
    ("shares", "capacity", "slots"),
    [
        ([0.6, 0.2], 122, [92, 30]),  # 91.5, 30.5
        ([0.5, 0.1], 33, [28, 5]),  # 27.5, 5.5
        ([10, 10, 1], 301, [144, 143, 14]),  # 143⅓, 143⅓, 14⅓
        ([9, 2, 4, 4, 2], 57, [25, 5, 11, 11, 5]),  # 24 3/7, 5 3/7, 10 6/7, 10 6/7, 5 3/7
    ],
)
def test_a_tie_goes_to_the_earlier_whatever_the_rounding_of_the_shares(shares, capacity, slots):
    assert tuple(slots) == closest_split(shares, capacity)
    assert slots_of(shares, capacity) == slots
    assert slots_around([1] * len(shares), shares, capacity) == slots


@quick
@given(shares=weights, strategies=weights, capacity=st.integers(1, 60), data=st.data())
def test_first_firms_and_their_strategies_are_dealt_as_the_specification_says(shares, strategies, capacity, data):
    firms = data.draw(st.integers(1, capacity))
    members = [{"name": f"s{k}", "technology_weight": 0.5, "weight": weight} for k, weight in enumerate(strategies)]
    scenario = Scenario(capacity=capacity, initial_firms=firms, sectors=sectors_of(shares), strategies=members)
    layout = layout_of(scenario)
    slots = closest_split(shares, capacity)
    homes = [min(count, room) for count, room in zip(closest_split(shares, firms), slots, strict=True)]
    for _ in range(firms - sum(homes)):
        free = [room - count for room, count in zip(slots, homes, strict=True)]
        homes[free.index(max(free))] += 1
    assert tuple(layout.slots) == slots
    assert layout.firms.tolist() == homes
    assert [tuple(deal) for deal in layout.deals] == [closest_split(strategies, count) for count in homes]


def test_a_first_firm_beyond_the_slots_of_its_sector_goes_where_most_slots_are_free():
    # Alabama's paradox: 11 by 6, 6, 2 is 5, 5, 1 but 10 is 4, 4, 2. The third sector has one slot for two firms.
    scenario = Scenario(capacity=11, initial_firms=10, sectors=sectors_of([6, 6, 2]))
    assert layout_of(scenario).slots.tolist() == [5, 5, 1]
    assert layout_of(scenario.replace(capacity=10)).firms.tolist() == [4, 4, 2]
    assert layout_of(scenario).firms.tolist() == [5, 4, 1]


@quick
@given(
    rows=st.lists(st.integers(0, 25), min_size=1, max_size=6),
    more=st.integers(0, 150),
    shares=st.lists(st.integers(0, 12) | st.floats(0.01, 20.0), min_size=6, max_size=6),
)
def test_slots_around_a_table_are_as_if_dealt_one_by_one(rows, more, shares):
    shares, capacity = shares[: len(rows)], max(1, sum(rows) + more)
    assume(any(shares))
    assert slots_around(rows, shares, capacity) == dealt_one_by_one(rows, shares, capacity)


@pytest.mark.parametrize("sectors", [1, 2, 7, 60])
def test_a_capacity_of_a_billion_slots_is_dealt_around_a_table_at_once(sectors):
    rng = np.random.default_rng(sectors)
    shares, rows = rng.random(sectors), rng.integers(0, 10**6, sectors)
    started = time.process_time()
    slots = np.array(slots_around(rows, shares, 10**9))
    assert time.process_time() - started < 1.0
    assert slots.sum() == 10**9
    lack = 10**9 * shares / shares.sum() - slots
    given = slots > rows  # all that were dealt any slot end with the same lack, to one slot
    assert np.ptp(lack[given]) <= 1.0 + 1e-6
    assert lack[~given].max(initial=-math.inf) <= lack[given].max() + 1e-6
