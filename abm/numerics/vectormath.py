"""Elementary functions that LLVM turns into vector instructions inside numba loops.

Numba sends ``math.log``, ``math.exp``, ``math.sin`` to a scalar library, one call a value. The functions here are
straight-line code without a branch, so a loop over them runs four or eight values at a time; called for one value
they give the same bits. The reductions and polynomials are those of FDLIBM (Sun Microsystems, 1993:
``e_log.c``, ``e_exp.c``, ``k_sin.c``, ``k_cos.c``). Errors are below 1 ulp for log and exp, below 2 ulp for
sine and cosine; tests compare with 50-digit values.
"""

import math

import numpy as np
from numba import njit

from abm.numerics.compilation import inlined

_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_INVERSE_LN2 = 1.44269504088896338700
_SQRT_HALF_BITS = np.int64(0x3FE6A09E667F3BCD)
_EXPONENT = np.int64(52)
# 1.5 * 2^52: added to a double of small size, it leaves the rounded integer in the low bits.
_ROUNDER = 6755399441055744.0
_ROUNDER_BITS = np.int64(0x4338000000000000)


@inlined
def log(x):
    """Natural logarithm of a positive normal number.

    Parameters
    ----------
    x : float
        In [2.3e-308, 1.8e308]. Zero gives a finite number near -709 and infinity one near 710, so that a vacant
        slot needs no branch in a loop; negative numbers and NaN have no meaning here.

    Returns
    -------
    float

    Examples
    --------
    >>> float(log(1.0))
    0.0
    >>> abs(log(10.0) - math.log(10.0)) < 1e-15
    True
    """
    bits = np.float64(x).view(np.int64)
    exponent = (bits - _SQRT_HALF_BITS) >> _EXPONENT
    mantissa = np.int64(bits - (exponent << _EXPONENT)).view(np.float64)
    k = np.int64(exponent + _ROUNDER_BITS).view(np.float64) - _ROUNDER
    f = mantissa - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    odd = z * (
        6.666666666666735130e-01
        + w * (2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01))
    )
    half_square = 0.5 * f * f
    return k * _LN2_HIGH - ((half_square - (s * (half_square + (even + odd)) + k * _LN2_LOW)) - f)


@inlined
def exp(x):
    """Exponential function.

    Parameters
    ----------
    x : float
        Any number; below -708 and above 709 the result is that of the bound, so it neither underflows nor
        overflows.

    Returns
    -------
    float

    Examples
    --------
    >>> float(exp(0.0))
    1.0
    >>> abs(exp(1.0) / math.e - 1.0) < 3e-16
    True
    """
    bounded = min(max(x, -708.0), 709.0)
    rounded = bounded * _INVERSE_LN2 + _ROUNDER
    k = rounded - _ROUNDER
    high = bounded - k * _LN2_HIGH
    low = k * _LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (
        1.66666666666666019037e-01
        + t
        * (
            -2.77777777770155933842e-03
            + t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 + t * 4.13813679705723846039e-08))
        )
    )
    y = 1.0 - ((low - (r * c) / (2.0 - c)) - high)
    scale = np.float64(rounded).view(np.int64) << _EXPONENT
    return np.int64(np.float64(y).view(np.int64) + scale).view(np.float64)


@inlined
def sine_cosine_of_turn(u):
    """Sine and cosine of 2πu, u being a fraction of a full turn.

    Parameters
    ----------
    u : float
        In [0, 1]; the reduction to an eighth of a turn is exact.

    Returns
    -------
    sine, cosine : float

    Examples
    --------
    >>> [round(float(value), 15) for value in sine_cosine_of_turn(0.125)]
    [0.707106781186547, 0.707106781186548]
    """
    quarters = 4.0 * u
    rounded = quarters + _ROUNDER
    quadrant = np.float64(rounded).view(np.int64)
    x = (quarters - (rounded - _ROUNDER)) * 1.57079632679489661923
    z = x * x
    sine = x + x * z * (
        -1.66666666666666324348e-01
        + z
        * (
            8.33333333332248946124e-03
            + z
            * (
                -1.98412698298579493134e-04
                + z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10))
            )
        )
    )
    tail = z * (
        4.16666666666666019037e-02
        + z
        * (
            -1.38888888888741095749e-03
            + z
            * (
                2.48015872894767294178e-05
                + z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 - z * 1.13596475577881948265e-11))
            )
        )
    )
    half = 0.5 * z
    whole = 1.0 - half
    cosine = whole + (((1.0 - whole) - half) + z * tail)
    odd = (quadrant & 1) == 1
    first = cosine if odd else sine
    second = sine if odd else cosine
    negative_first = (quadrant & 2) == 2
    negative_second = ((quadrant + 1) & 2) == 2
    return (-first if negative_first else first), (-second if negative_second else second)


@njit(inline="always", error_model="numpy")
def box_muller(u, v):
    """Two independent standard normal numbers from two independent uniform ones (Box and Muller, 1958).

    Parameters
    ----------
    u, v : float
        In (0, 1).

    Returns
    -------
    first, second : float

    Examples
    --------
    >>> first, second = box_muller(math.exp(-0.5), 0.25)
    >>> round(float(first), 12), abs(round(float(second), 12))
    (1.0, 0.0)
    """
    radius = math.sqrt(-2.0 * log(u))
    sine, cosine = sine_cosine_of_turn(v)
    return radius * sine, radius * cosine
