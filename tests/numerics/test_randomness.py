"""The keyed draws: published answers of the generator, and statistics of the keys that a market uses."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy import stats

from abm.numerics import randomness
from abm.numerics.randomness import normals, threefry, uniforms

# Of the generator's authors: key and counter, then the two words of Threefry-2x64 with 13 rounds.
KNOWN_ANSWERS = [
    ((0, 0, 0, 0), (0xF167B032C3B480BD, 0xE91F9FEE4B7A6FB5)),
    ((2**64 - 1,) * 4, (0xCCDEC5C917A874B1, 0x4DF53ABCA26CEB01)),
    (
        (0xA4093822299F31D0, 0x082EFA98EC4E6C89, 0x243F6A8885A308D3, 0x13198A2E03707344),
        (0xC3AAC71561042993, 0x3FE7AE8801AFF316),
    ),
]
PROCESSES = range(8)
PARTS = ("seed", "process", "sector", "place", "step")
LAGS = (1, 2, 3, 4, 5)


@njit
def words_of(keys, out):
    for i in range(keys.shape[0]):
        out[i, 0], out[i, 1] = threefry(keys[i, 0], keys[i, 1], keys[i, 2], keys[i, 3])


@njit
def uniforms_of(keys, out):
    for i in range(keys.shape[0]):
        out[i, 0], out[i, 1] = uniforms(keys[i, 0], keys[i, 1], keys[i, 2], keys[i, 3], keys[i, 4])


@njit
def normals_of(keys, out):
    for i in range(keys.shape[0]):
        out[i, 0], out[i, 1] = normals(keys[i, 0], keys[i, 1], keys[i, 2], keys[i, 3], keys[i, 4])


def filled(kernel, keys):
    out = np.empty((len(keys), 2), dtype=np.uint64 if kernel is words_of else np.float64)
    kernel(keys, out)
    return out


def grid(**ranges):
    """Keys of a grid, a row a key with the parts in order; a part that is left out is 1."""
    axes = np.meshgrid(*(np.array(ranges.get(part, (1,)), dtype=np.int64) for part in PARTS), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1)


@pytest.fixture(scope="module")
def market_keys():
    """The keys of the shocks of 1,000 slots over 500 steps."""
    return grid(seed=(20,), process=(randomness.SHOCK,), place=range(1000), step=range(1, 501))


@pytest.fixture(scope="module")
def market_uniforms(market_keys):
    return filled(uniforms_of, market_keys)


@pytest.fixture(scope="module")
def market_normals(market_keys):
    return filled(normals_of, market_keys)


def plain_threefry(key_0, key_1, counter_0, counter_1, rounds=13):
    """Threefry-2x64 in whole numbers of Python, from its definition in the article of 2011."""
    turns = (16, 42, 12, 31, 16, 32, 24, 21)
    keys = (key_0, key_1, 0x1BD11BDAA9FC1A22 ^ key_0 ^ key_1)
    x, y = (counter_0 + key_0) % 2**64, (counter_1 + key_1) % 2**64
    for r in range(rounds):
        turn = turns[r % 8]
        x = (x + y) % 2**64
        y = ((y << turn | y >> (64 - turn)) % 2**64) ^ x
        if r % 4 == 3:
            s = r // 4 + 1
            x, y = (x + keys[s % 3]) % 2**64, (y + keys[(s + 1) % 3] + s) % 2**64
    return x, y


def assert_uncorrelated(x, y, what):
    r = np.corrcoef(x, y)[0, 1]
    assert abs(r) < 4 / np.sqrt(len(x)), f"{what}: r = {r:.5f} over {len(x)} pairs"


@pytest.mark.parametrize(("key", "words"), KNOWN_ANSWERS)
def test_the_generator_gives_the_published_known_answers(key, words):
    assert tuple(int(word) for word in threefry(*np.array(key, dtype=np.uint64))) == words


@settings(max_examples=200, deadline=None)
@given(key=st.tuples(*[st.integers(0, 2**64 - 1)] * 4))
def test_the_generator_equals_its_definition_in_whole_numbers(key):
    words = threefry(*np.array(key, dtype=np.uint64))
    assert tuple(int(word) for word in words) == plain_threefry(*key)


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    process=st.sampled_from(PROCESSES),
    sector=st.integers(0, 2**32 - 1),
    place=st.integers(0, 2**32 - 1),
    step=st.integers(0, 2**32 - 1),
)
def test_a_draw_is_the_middle_of_one_of_2_to_the_52_parts_and_depends_on_every_part_of_its_key(
    seed, process, sector, place, step
):
    words = plain_threefry(seed, process, place, step * 2**32 + sector)
    for value, word in zip(uniforms(seed, process, sector, place, step), words, strict=True):
        assert Fraction(value) == Fraction(2 * (word >> 12) + 1, 2**53)


def test_uniform_numbers_stay_inside_the_unit_interval_at_the_extreme_words():
    for word, value in ((0, 2.0**-53), (2**12 - 1, 2.0**-53), (2**64 - 1, 1.0 - 2.0**-53), (2**63, 0.5 + 2.0**-53)):
        assert 0.0 < value < 1.0
        assert randomness._fraction(np.uint64(word)) == value


def test_processes_have_numbers_of_their_own():
    names = ("SHOCK", "BASELINES", "RETURN_AND_K1", "K2_AND_K3", "ENTRY", "DIRECTION", "IMITATION", "DEAL")
    assert sorted(getattr(randomness, name) for name in names) == list(PROCESSES)


def test_moments_of_a_million_uniform_numbers_are_those_of_the_unit_interval(market_uniforms):
    u = market_uniforms.ravel()
    for k in range(1, 7):
        expected, variance = 1 / (k + 1), 1 / (2 * k + 1) - 1 / (k + 1) ** 2
        assert abs(np.mean(u**k) - expected) < 4 * np.sqrt(variance / u.size), f"moment {k}"


def test_moments_of_a_million_normal_numbers_are_those_of_the_standard_normal(market_normals):
    z = market_normals.ravel()
    even = {0: 1, 2: 1, 4: 3, 6: 15, 8: 105, 10: 945, 12: 10395}  # E z^k; odd moments are 0
    for k in range(1, 7):
        variance = even[2 * k] - even.get(k, 0) ** 2
        assert abs(np.mean(z**k) - even.get(k, 0)) < 4 * np.sqrt(variance / z.size), f"moment {k}"


@pytest.mark.parametrize("column", [0, 1])
def test_uniform_numbers_fill_256_bins_evenly_by_their_first_and_by_their_last_bits(market_uniforms, column):
    words = ((market_uniforms[:, column] - 2.0**-53) * 2.0**52).astype(np.int64)
    for bits in (words >> 44, words >> 20 & 255, words & 255):
        p = stats.chisquare(np.bincount(bits, minlength=256)).pvalue
        assert 1e-4 < p < 1 - 1e-4


@pytest.mark.parametrize("column", [0, 1])
def test_normal_numbers_follow_the_normal_distribution_by_kolmogorov_and_smirnov(market_normals, column):
    assert stats.kstest(market_normals[:, column], "norm").pvalue > 1e-3
    # The whole of it is dull about the tails: their counts are binomial.
    z, n = market_normals[:, column], len(market_normals)
    for bound in (2.0, 3.0, 4.0):
        p = 2 * stats.norm.sf(bound)
        assert abs(np.sum(np.abs(z) > bound) - n * p) < 4 * np.sqrt(n * p * (1 - p)), f"beyond {bound}"


@pytest.mark.parametrize("kernel", [uniforms_of, normals_of], ids=["uniforms", "normals"])
@pytest.mark.parametrize("part", PARTS)
def test_draws_of_keys_that_lie_side_by_side_are_uncorrelated(kernel, part):
    ranges = {
        "seed": (5, 6),
        "process": range(3),
        "sector": range(4),
        "place": range(25),
        "step": range(1, 26),
        part: range(20),
    }
    keys = grid(**ranges)
    here, centre = filled(kernel, keys), 0.5 if kernel is uniforms_of else 0.0
    for lag in LAGS:
        keys[:, PARTS.index(part)] += lag
        there = filled(kernel, keys)
        keys[:, PARTS.index(part)] -= lag
        for i, j in product((0, 1), (0, 1)):
            what = f"{part}, lag {lag}, numbers {i} and {j}"
            assert_uncorrelated(here[:, i], there[:, j], what)
            assert_uncorrelated((here[:, i] - centre) ** 2, (there[:, j] - centre) ** 2, f"squares of {what}")


def test_the_two_numbers_of_a_pair_are_uncorrelated(market_uniforms, market_normals):
    for pairs in (market_uniforms, market_normals):
        assert_uncorrelated(pairs[:, 0], pairs[:, 1], "pair")
        distances = np.abs(pairs - pairs.mean(axis=0))
        assert_uncorrelated(distances[:, 0], distances[:, 1], "distances of a pair from the mean")


@pytest.mark.parametrize("part", PARTS)
def test_draws_of_adjacent_keys_are_jointly_uniform_on_a_square(part):
    ranges = {
        "seed": (3, 4, 5),
        "process": PROCESSES,
        "sector": range(3),
        "place": range(30),
        "step": range(30),
        part: range(0, 40, 2),
    }
    keys = grid(**ranges)
    here = filled(uniforms_of, keys)
    keys[:, PARTS.index(part)] += 1
    there = filled(uniforms_of, keys)
    squares = [(here[:, i], there[:, j]) for i, j in product((0, 1), (0, 1))] + [(here[:, 0], here[:, 1])]
    for x, y in squares:
        cells = (x * 16).astype(np.int64) * 16 + (y * 16).astype(np.int64)
        p = stats.chisquare(np.bincount(cells, minlength=256)).pvalue
        assert 1e-4 < p < 1 - 1e-4


def test_a_flipped_bit_of_key_or_counter_flips_each_bit_of_the_words_half_of_the_time():
    trials = 1000
    keys = np.random.default_rng(1).integers(0, 2**64, size=(trials, 4), dtype=np.uint64)
    before = filled(words_of, keys)
    shares = np.empty((256, 128))
    for bit in range(256):
        flipped = keys.copy()
        flipped[:, bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
        changed = filled(words_of, flipped) ^ before
        shares[bit] = np.unpackbits(changed.view(np.uint8), axis=1).mean(axis=0)
    error = 0.5 / np.sqrt(trials)  # standard error of one of 32,768 shares
    assert np.abs(shares - 0.5).max() < 5.5 * error
    assert np.abs(shares.mean(axis=1) - 0.5).max() < 5 * error / np.sqrt(128)


def test_no_two_keys_share_a_draw():
    edge = (0, 1, 2, 3, 255, 256, 65535, 65536, 2**31, 2**32 - 1)
    keys = grid(seed=(0, 1, 2, 2**32, 2**63 - 1), process=PROCESSES, sector=edge, place=edge, step=edge)
    busy = grid(seed=(7,), process=PROCESSES, sector=range(5), place=range(100), step=range(100))
    draws = filled(uniforms_of, np.concatenate([keys, busy]))
    assert np.unique(draws).size == draws.size


def test_draws_are_as_the_protocol_describes_them():
    # Section 7.10 of abm/docs/odd.md, written anew with Python's whole numbers and its own logarithm, sine and cosine.
    def words(k0, k1, x, y):
        k2, mask = k0 ^ k1 ^ 0x1BD11BDAA9FC1A22, 2**64 - 1
        x, y = (x + k0) & mask, (y + k1) & mask
        added = {4: (k1, k2 + 1), 8: (k2, k0 + 2), 12: (k0, k1 + 3)}
        for place, turn in enumerate((16, 42, 12, 31, 16, 32, 24, 21, 16, 42, 12, 31, 16), start=1):
            x = (x + y) & mask
            y = ((y << turn | y >> (64 - turn)) & mask) ^ x
            dx, dy = added.get(place, (0, 0))
            x, y = (x + dx) & mask, (y + dy) & mask
        return x, y

    for seed, process, sector, place, step in ((0, 0, 0, 0, 0), (123, 4, 2, 7, 5), (2**63 - 1, 7, 3, 10**6, 10**7)):
        u, v = ((word // 2**12 + 0.5) * 2.0**-52 for word in words(seed, process, place, step * 2**32 + sector))
        assert (u, v) == uniforms(seed, process, sector, place, step)
        radius = math.sqrt(-2.0 * math.log(u))
        expected = radius * math.sin(2.0 * math.pi * v), radius * math.cos(2.0 * math.pi * v)
        np.testing.assert_allclose(normals(seed, process, sector, place, step), expected, rtol=1e-12, atol=1e-15)
