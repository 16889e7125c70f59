"""Eight lanes against NumPy, number by number: random ones, and those at the ends of what a float64 is."""

import math
import operator
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numba import njit, types
from numba.extending import intrinsic

from abm.numerics import vectormath
from abm.numerics.elementwise import bits_of, fma, from_bits, maximum, minimum, nearest_integer, root, select
from abm.numerics.lanes import (
    WIDTH,
    count_of,
    counted,
    first_lanes,
    get,
    largest_lane,
    lowest,
    put,
    slots_from,
    smallest_lane,
    some,
    splat,
    total,
    words,
)
from abm.numerics.randomness import normals, threefry, uniforms

SPECIAL = [0.0, -0.0, 1.0, -1.0, 5e-324, -2e-310, 2.3e-308, 1.7e308, -1.7e308, math.inf, -math.inf, math.nan, 0.5, 2.5]
compiled = njit(error_model="numpy")


def table(*columns):
    """Rows with room behind their ends, as a market's have, and a row of results."""
    rows = np.zeros((len(columns) + 1, 8 * -(-len(columns[0]) // 8) + 8))
    rows[:-1, : len(columns[0])] = columns
    return rows[:, : len(columns[0])]


@pytest.fixture(scope="module")
def pairs():
    """Every pair of special numbers, and random ones of all sizes."""
    rng = np.random.default_rng(1)
    drawn = rng.choice([-1.0, 1.0], (2, 500)) * 10.0 ** rng.uniform(-300, 300, (2, 500))
    return np.concatenate([np.array([(x, y) for x in SPECIAL for y in SPECIAL]).T, drawn], axis=1)


def apply(function, *columns):
    """A function of lanes over columns of numbers."""
    rows, count = table(*columns), len(columns)

    if count == 1:

        @compiled
        def loop(rows):
            for i in range(0, rows.shape[1], WIDTH):
                put(rows, 1, i, function(get(rows, 0, i)), first_lanes(rows.shape[1] - i))
    elif count == 2:

        @compiled
        def loop(rows):
            for i in range(0, rows.shape[1], WIDTH):
                put(rows, 2, i, function(get(rows, 0, i), get(rows, 1, i)), first_lanes(rows.shape[1] - i))
    else:

        @compiled
        def loop(rows):
            for i in range(0, rows.shape[1], WIDTH):
                x, y, z = get(rows, 0, i), get(rows, 1, i), get(rows, 2, i)
                put(rows, 3, i, function(x, y, z), first_lanes(rows.shape[1] - i))

    loop(rows)
    return rows[-1]


def same(found, expected):
    """Equal to the last bit; a NaN is a NaN."""
    found, expected = np.broadcast_arrays(found, expected)
    return np.array_equal(
        np.where(np.isnan(found), np.nan, found).view(np.uint64),
        np.where(np.isnan(expected), np.nan, expected).view(np.uint64),
    )


ARITHMETIC = {
    "+": compiled(lambda x, y: x + y),
    "-": compiled(lambda x, y: x - y),
    "*": compiled(lambda x, y: x * y),
    "/": compiled(lambda x, y: x / y),
}
COMPARISONS = {
    "<": compiled(lambda x, y: select(x < y, 1.0, 0.0)),
    "<=": compiled(lambda x, y: select(x <= y, 1.0, 0.0)),
    ">": compiled(lambda x, y: select(x > y, 1.0, 0.0)),
    ">=": compiled(lambda x, y: select(x >= y, 1.0, 0.0)),
    "==": compiled(lambda x, y: select(x == y, 1.0, 0.0)),
}
BY_NAME = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
}  # fmt: skip


@pytest.mark.parametrize("name", [*ARITHMETIC, *COMPARISONS])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_operator_of_lanes_is_numpys_lane_by_lane(name, pairs):
    found = apply((ARITHMETIC | COMPARISONS)[name], *pairs)
    assert same(found, BY_NAME[name](*pairs).astype(float))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_operator_that_changes_its_left_side_does_the_same(pairs):
    @compiled
    def changed(x, y):
        x += y
        x -= 2.0
        x *= y
        x /= 3.0
        return x

    assert same(apply(changed, *pairs), (pairs[0] + pairs[1] - 2.0) * pairs[1] / 3.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_number_beside_lanes_stands_for_all_of_them_on_either_side(pairs):
    x = pairs[0]
    assert same(apply(compiled(lambda x: 3.0 - x), x), 3.0 - x)
    assert same(apply(compiled(lambda x: x / 3), x), x / 3)
    assert same(apply(compiled(lambda x: select(x < 2, x, 7)), x), np.where(x < 2, x, 7.0))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_lanes_are_numpys(pairs):
    x, y = pairs
    assert same(apply(compiled(lambda x: -x), x), -x)
    assert same(apply(compiled(lambda x: abs(x)), x), np.abs(x))
    assert same(apply(compiled(lambda x: root(x)), x), np.sqrt(x))
    assert same(apply(compiled(lambda x: nearest_integer(x)), x), np.rint(x))
    known = ~np.isnan(x) & ~np.isnan(y) & (x != y)  # of equal numbers 0 and -0 either may be taken
    assert same(apply(compiled(lambda x, y: maximum(x, y)), x, y)[known], np.maximum(x, y)[known])
    assert same(apply(compiled(lambda x, y: minimum(x, y)), x, y)[known], np.minimum(x, y)[known])
    assert same(apply(compiled(lambda x: from_bits(bits_of(x))), x), x)


def test_a_product_and_a_sum_are_rounded_once():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(2, 200))
    z = -x * y  # what is left is the rounding of the product
    found = apply(compiled(lambda x, y, z: fma(x, y, z)), x, y, z)
    exact = [float(Fraction(a) * Fraction(b) + Fraction(c)) for a, b, c in zip(x, y, z, strict=True)]
    assert found.tolist() == exact
    assert np.any(found != 0.0)
    one = compiled(lambda x, y, z: fma(x, y, z))
    assert [one(*numbers) for numbers in zip(x, y, z, strict=True)] == exact


def test_masks_are_combined_and_chosen_by(pairs):
    x, y = np.random.default_rng(3).normal(size=(2, 101))
    both = apply(compiled(lambda x, y: select((x > 0.0) & (y > 0.0), 1.0, 0.0)), x, y)
    either = apply(compiled(lambda x, y: select((x > 0.0) | (y > 0.0), 1.0, 0.0)), x, y)
    neither = apply(compiled(lambda x, y: select(~(x > 0.0) & ~(y > 0.0), x, y)), x, y)
    assert both.tolist() == ((x > 0) & (y > 0)).tolist()
    assert either.tolist() == ((x > 0) | (y > 0)).tolist()
    assert same(neither, np.where((x <= 0) & (y <= 0), x, y))
    for truth in (True, False):
        assert same(apply(compiled(lambda x, y, truth=truth: select(truth, x, y)), x, y), x if truth else y)
        with_all = apply(compiled(lambda x, y, truth=truth: select((x > y) & truth, 1.0, 0.0)), x, y)
        assert with_all.tolist() == ((x > y) & truth).tolist()


def test_a_mask_counts_its_lanes_and_gives_them_from_the_first_on():
    @compiled
    def found(rows, out):
        here = get(rows, 0, 0) > 0.0
        out[0], out[1], number = count_of(here), 1 if some(here) else 0, 2
        while some(here):
            lane, here = lowest(here)
            out[number] = lane
            number += 1

    rng = np.random.default_rng(4)
    for _ in range(50):
        signs, out = rng.choice([-1.0, 1.0], 8), np.full(11, -1.0)
        found(signs[None], out)
        places = np.flatnonzero(signs > 0).tolist()
        assert out.tolist() == [len(places), float(bool(places)), *places, *[-1.0] * (9 - len(places))]


def test_the_first_lanes_are_as_many_as_are_asked_for():
    count = compiled(lambda number: count_of(first_lanes(number)))
    assert [count(number) for number in (-3, 0, 1, 5, 8, 9, 10**9)] == [0, 0, 1, 5, 8, 8, 8]


def test_what_is_not_in_the_mask_is_neither_written_nor_lost():
    @compiled
    def write(rows, number):
        put(rows, 1, 3, get(rows, 0, 3), first_lanes(number))

    for number in range(9):
        rows = np.arange(40.0).reshape(2, 20)
        write(rows[:, :19], number)
        expected = np.arange(40.0).reshape(2, 20)
        expected[1, 3 : 3 + number] = expected[0, 3 : 3 + number]
        assert np.array_equal(rows, expected)


def test_lanes_are_added_up_by_halves():
    @compiled
    def reduced(rows, out):
        out[0], out[1], out[2] = total(get(rows, 0, 0)), largest_lane(get(rows, 0, 0)), smallest_lane(get(rows, 0, 0))

    rng, seen = np.random.default_rng(5), 0
    for _ in range(100):
        x, out = rng.normal(size=8) * 10.0 ** rng.uniform(-3, 3, 8), np.empty(3)
        reduced(x[None], out)
        by_halves = ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
        assert out.tolist() == [by_halves, x.max(), x.min()]
        seen += by_halves != np.add.accumulate(x)[-1]
    assert seen > 10  # another order would be seen


def test_numbers_of_lanes_count_from_the_first():
    @compiled
    def numbered(rows, first):
        put(rows, 0, 0, slots_from(first), first_lanes(8))
        put(rows, 0, 8, splat(first), first_lanes(8))

    rows = np.zeros((1, 16))
    numbered(rows, 5)
    assert rows.ravel().tolist() == [5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, *[5.0] * 8]


@intrinsic
def _word(typing, value, lane):
    """One of eight words."""

    def generate(context, builder, signature, args):
        return builder.extract_element(args[0], args[1])

    return types.uint64(words, types.int64), generate


def test_words_wrap_around_and_shift_as_unsigned_integers_do():
    @compiled
    def calculated(first, other, out):
        x = counted(first)
        for lane in range(8):
            out[0, lane] = _word(x + other, lane)
            out[1, lane] = _word(x - other, lane)
            out[2, lane] = _word((x ^ other) & (x | np.uint64(12)), lane)
            out[3, lane] = _word((x << np.uint64(13)) | (x >> np.uint64(51)), lane)

    rng = np.random.default_rng(6)
    for first in (0, 7, 2**40, 2**63 - 9):
        other = rng.integers(0, 2**64, dtype=np.uint64)
        out, x = np.empty((4, 8), dtype=np.uint64), np.uint64(first) + np.arange(8, dtype=np.uint64)
        calculated(first, other, out)
        turned = (x << np.uint64(13)) | (x >> np.uint64(51))
        assert np.array_equal(out, [x + other, x - other, (x ^ other) & (x | np.uint64(12)), turned])


@pytest.mark.parametrize("name", ["log2", "log", "exp2", "exp"])
def test_an_elementary_function_gives_the_same_bits_for_a_number_and_for_lanes(name):
    function = getattr(vectormath, name)
    rng = np.random.default_rng(7)
    x = 10.0 ** rng.uniform(-300, 300, 1003) if name.startswith("log") else rng.uniform(-1100, 1100, 1003)
    x[:3] = (0.0, 1.0, math.inf)
    assert same(apply(compiled(lambda x: function(x)), x), [function(each) for each in x.tolist()])


def test_draws_of_eight_slots_are_those_of_each_of_them():
    @compiled
    def drawn(rows):
        for i in range(0, rows.shape[1], WIDTH):
            here = first_lanes(rows.shape[1] - i)
            first, second = normals(9, 3, 2, counted(100 + i), 5)
            put(rows, 0, i, first, here)
            put(rows, 1, i, second, here)
            first, second = uniforms(9, 3, 2, counted(100 + i), 5)
            put(rows, 2, i, first, here)
            put(rows, 3, i, second, here)

    rows = table(*np.zeros((3, 61)))
    drawn(rows)
    one = np.array([[*normals(9, 3, 2, 100 + i, 5), *uniforms(9, 3, 2, 100 + i, 5)] for i in range(61)]).T
    assert same(rows, one)


def test_lanes_are_hashed_as_the_generators_authors_say():
    @compiled
    def hashed(out):
        zero = np.uint64(0)
        first, second = threefry(zero, zero, counted(0), zero)
        out[0], out[1] = _word(first, 0), _word(second, 0)

    out = np.empty(2, dtype=np.uint64)
    hashed(out)
    assert [f"{int(word):016x}" for word in out] == ["f167b032c3b480bd", "e91f9fee4b7a6fb5"]


MARKET = """
import hashlib, numba
from abm import Scenario, simulate
market = Scenario.load("four-sectors").replace(capacity=300, initial_firms=250, steps=40, entry_rate=0.1, runway=3.0)
result = simulate(market, 5)
tables = [result.steps, result.sectors, result.firms]
print(hashlib.sha256(b"".join(each.to_numpy(dtype=object).astype(str).tobytes() for each in tables)).hexdigest())
"""


# Other machines have other processors, with names of their own. Every x86-64 Linux tests this, CI on one too.
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="names processors of x86-64")
def test_a_market_has_the_same_bits_whatever_the_width_of_the_registers(tmp_path):
    found, here = {}, Path("/proc/cpuinfo").read_text(encoding="utf-8")
    # Two, four and, where the machine has them, eight numbers a register; without and with fused multiply-add.
    for processor in ("x86-64-v2", "x86-64-v3", "x86-64-v4"):
        if processor == "x86-64-v4" and "avx512f" not in here:
            continue
        changed = {"NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "", "NUMBA_CACHE_DIR": str(tmp_path / processor)}
        done = subprocess.run(
            [sys.executable, "-c", MARKET], capture_output=True, text=True, check=False, env=os.environ | changed
        )
        assert done.returncode == 0, done.stderr
        found[processor] = done.stdout
    assert len(set(found.values())) == 1, found
