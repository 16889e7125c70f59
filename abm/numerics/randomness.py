"""Random numbers keyed by what they are for: (seed, process, sector, place in the sector, step).

There is no stream and no state: a draw is a function of its key, so neither the order of blocks nor the capacity,
another sector's size or an entry shifts any other firm's draw (common random numbers). The mixer is Threefry-2x64
with 13 rounds of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11 (2011), which
passes BigCrush; its key and counter hold the five parts without overlap, so two keys never share a draw. One
call gives two 64-bit words, hence two uniform or two normal numbers. A place may be the words of eight slots, and the
draws are those of each of them.
"""

from typing import Any

import numpy as np
from numba.extending import overload

from abm.numerics.compilation import INLINED, inlined
from abm.numerics.elementwise import from_bits
from abm.numerics.lanes import WordsType
from abm.numerics.vectormath import box_muller

# The processes that draw; the number is part of the key.
SHOCK = 0  # normals: the shocks to T and C of one step
BASELINES = 1  # normals: T0, C0 of a new firm
RETURN_AND_K1 = 2  # normals: R0, k1
K2_AND_K3 = 3  # normals: k2, k3
ENTRY = 4  # uniforms: is the slot filled, by which strategy
DIRECTION = 5  # uniforms: first below one half means -1
IMITATION = 6  # uniforms: the slot looked at
DEAL = 7  # uniforms: sort key by which the initial firms are dealt their strategies
LUMP_AND_RETURN = 8  # normals: the size of a lump in a customer base, and the shock to R
LUMP_AND_RELEASE = 9  # uniforms: is there a lump, is there a release

_PARITY = np.uint64(0x1BD11BDAA9FC1A22)
_WORD = np.uint64(64)
_ONE_BITS = np.uint64(0x3FF0000000000000)
_HALF_STEP = 1.0 - 2.0**-53


@inlined
def _round(x, y, rotation):
    turn = np.uint64(rotation)
    x = x + y
    y = (y << turn) | (y >> (_WORD - turn))
    return x, y ^ x


@inlined
def threefry(key_0, key_1, counter_0, counter_1):
    """Threefry-2x64-13: two words from a key and a counter of two words each.

    Parameters
    ----------
    key_0, key_1, counter_0, counter_1 : uint64

    Returns
    -------
    word_0, word_1 : uint64

    Examples
    --------
    The known answer for zeros, of the authors' test vectors:

    >>> zero = np.uint64(0)
    >>> [f"{int(word):016x}" for word in threefry(zero, zero, zero, zero)]
    ['f167b032c3b480bd', 'e91f9fee4b7a6fb5']
    """
    key_2 = _PARITY ^ key_0 ^ key_1
    x, y = counter_0 + key_0, counter_1 + key_1
    x, y = _round(x, y, 16)
    x, y = _round(x, y, 42)
    x, y = _round(x, y, 12)
    x, y = _round(x, y, 31)
    x, y = x + key_1, y + key_2 + np.uint64(1)
    x, y = _round(x, y, 16)
    x, y = _round(x, y, 32)
    x, y = _round(x, y, 24)
    x, y = _round(x, y, 21)
    x, y = x + key_2, y + key_0 + np.uint64(2)
    x, y = _round(x, y, 16)
    x, y = _round(x, y, 42)
    x, y = _round(x, y, 12)
    x, y = _round(x, y, 31)
    x, y = x + key_0, y + key_1 + np.uint64(3)
    return _round(x, y, 16)


def as_words(place: Any) -> Any:
    """A place, or those of eight slots, as unsigned words."""
    return np.uint64(place)


@overload(as_words, jit_options=INLINED)
def _as_words(place):
    if isinstance(place, WordsType):
        return lambda place: place
    return lambda place: np.uint64(place)


@inlined
def _fraction(word):
    """The middle of one of 2^52 equal parts of (0, 1), by the word's upper 52 bits."""
    return from_bits((word >> np.uint64(12)) | _ONE_BITS) - _HALF_STEP


@inlined
def uniforms(seed, process, sector, place, step):
    """Two independent uniform numbers in (0, 1).

    Parameters
    ----------
    seed : int
        Of the run, in [0, 2^63).
    process : int
        One of the constants of this module.
    sector, step : int
        Position of the sector, and the step (0 is the start), each below 2^32.
    place : int or Words
        Position of the slot within the sector, or those of eight slots, below 2^32.

    Returns
    -------
    first, second : float

    Examples
    --------
    >>> uniforms(1, ENTRY, 0, 5, 7) == uniforms(1, ENTRY, 0, 5, 7)
    True
    >>> uniforms(1, ENTRY, 0, 5, 7) == uniforms(1, ENTRY, 0, 6, 7)
    False
    """
    when = (np.uint64(step) << np.uint64(32)) | np.uint64(sector)
    first, second = threefry(np.uint64(seed), np.uint64(process), as_words(place), when)
    return _fraction(first), _fraction(second)


@inlined
def normals(seed, process, sector, place, step):
    """Two independent standard normal numbers; arguments as in `uniforms`.

    Examples
    --------
    >>> first, second = normals(1, SHOCK, 0, 5, 7)
    >>> bool(abs(first) < 9 and abs(second) < 9)
    True
    """
    first, second = uniforms(seed, process, sector, place, step)
    return box_muller(first, second)
