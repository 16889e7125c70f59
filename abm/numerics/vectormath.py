"""Elementary functions for kernels, of a number or of eight lanes by the same lines and with the same bits.

Numba sends ``math.log`` and its like to a scalar library, one call a value. The functions here are straight-line code
without a branch. Their polynomials are evaluated with fused multiply-add; logarithms and powers are to base 2, since a
binary number has its exponent ready. Reductions and the polynomials of logarithm, sine and cosine are those of FDLIBM
(Sun Microsystems, 1993: ``e_log.c``, ``k_sin.c``, ``k_cos.c``), scaled to base 2 where it applies; those of the powers
are fitted to the least largest error. Errors are below 4 ulp for logarithms and below 2 ulp for the others; tests
compare with 50-digit values.
"""

import numpy as np

from abm.numerics.compilation import inlined
from abm.numerics.elementwise import bits_of, fma, from_bits, maximum, minimum, root, select

LN2 = 0.6931471805599453
_INVERSE_LN2 = 1.44269504088896338700
_LN2_HIGH = 6.93147180369123816490e-01  # its low bits are 0, so that products with an exponent are exact
_LN2_LOW = 1.90821492927058770002e-10
# 1.5 * 2^52: added to a double of small size, it leaves the rounded integer in the low bits.
_ROUNDER = 6755399441055744.0
_ROUNDER_BITS = np.uint64(0x4338000000000000)
_EXPONENT = np.uint64(52)
_SQRT_HALF_BITS = np.uint64(0x3FE6A09E667F3BCD)
_BIAS = 1024  # keeps an exponent above 0 while it is a word
_BIAS_BITS = np.uint64(0x4000000000000000)  # _BIAS << 52
_ONE, _SIGN = np.uint64(1), np.uint64(63)


@inlined
def log2(x):
    """Binary logarithm of a positive normal number.

    Parameters
    ----------
    x : float or Lanes
        In [2.3e-308, 1.8e308]. Zero gives a finite number near -1023 and infinity one near 1024, so that a vacant
        slot needs no branch in a loop; negative numbers and NaN have no meaning here.

    Returns
    -------
    float or Lanes

    Examples
    --------
    >>> float(log2(8.0)), float(log2(1.0))
    (3.0, 0.0)
    """
    bits = bits_of(x)
    # The exponent with which the mantissa lies in [√½, √2), raised by the bias.
    exponent = (bits + (_BIAS_BITS - _SQRT_HALF_BITS)) >> _EXPONENT
    k = from_bits(exponent + _ROUNDER_BITS) - (_ROUNDER + _BIAS)
    f = from_bits(bits + _BIAS_BITS - (exponent << _EXPONENT)) - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    low = fma(z, 0.57707801634867243369, 0.96179669392598255139)
    middle = fma(z, 0.32059858387284069943, 0.41219858528261486229)
    high = fma(w, 0.21317449352599788889, fma(z, 0.22096554944952240895, 0.26233209479645518387))
    series = fma(w, fma(w, high, middle), low)
    return fma(s, fma(z, series, 2.885390081777926814719849), k)


@inlined
def log(x):
    """Natural logarithm of a positive normal number; what `log2` says of other numbers holds here too.

    Examples
    --------
    >>> float(log(1.0)), round(float(log(10.0)), 12)
    (0.0, 2.302585092994)
    """
    return LN2 * log2(x)


@inlined
def exp2(x):
    """2 to the power of x.

    Parameters
    ----------
    x : float or Lanes
        Any number; below -1022 and above 1023 the result is that of the bound, so it neither underflows nor
        overflows.

    Returns
    -------
    float or Lanes

    Examples
    --------
    >>> float(exp2(-1.0)), round(float(exp2(0.5)), 12)
    (0.5, 1.414213562373)
    """
    bounded = minimum(maximum(x, -1022.0), 1023.0)
    rounded = bounded + _ROUNDER
    r = bounded - (rounded - _ROUNDER)
    r2 = r * r
    r4 = r2 * r2
    a = fma(r, 0.24022650695910130339, 0.6931471805599453245)
    b = fma(r, 0.00961812910759442362, 0.055504108664820105083)
    c = fma(r, 0.00015403530456784512936, 0.0013333558146771846158)
    d = fma(r, 1.3215435425458851903e-6, 0.000015252733494489742846)
    e = fma(r2, 4.4347731397838920434e-10, fma(r, 7.0737613409649819043e-9, 1.0178199339370906544e-7))
    series = fma(r4, fma(r4, e, fma(d, r2, c)), fma(b, r2, a))
    return from_bits(bits_of(fma(r, series, 1.0)) + (bits_of(rounded) << _EXPONENT))


@inlined
def exp(x):
    """Exponential function; the result is that of the bound below -708 and above 709.

    Examples
    --------
    >>> float(exp(0.0)), round(float(exp(1.0)), 12)
    (1.0, 2.718281828459)
    """
    bounded = minimum(maximum(x, -708.0), 709.0)
    rounded = fma(bounded, _INVERSE_LN2, _ROUNDER)
    k = rounded - _ROUNDER
    r = fma(k, -_LN2_LOW, fma(k, -_LN2_HIGH, bounded))
    r2 = r * r
    r4 = r2 * r2
    a = fma(r, 0.16666666666666427963, 0.5)
    b = fma(r, 0.008333333333490296579, 0.041666666666545630626)
    c = fma(r, 0.00019841269507146117592, 0.0013888888940039360851)
    d = fma(r, 2.7557591333684426017e-6, 0.000024801496461434441998)
    e = fma(r, 2.4997184437130722868e-8, 2.7629147255996171724e-7)
    series = fma(fma(r4, e, fma(d, r2, c)), r4, fma(b, r2, a))
    return from_bits(bits_of(1.0 + fma(series, r2, r)) + (bits_of(rounded) << _EXPONENT))


@inlined
def sine_cosine_of_turn(u):
    """Sine and cosine of 2πu, u being a fraction of a full turn.

    Parameters
    ----------
    u : float or Lanes
        In [0, 1]; the reduction to an eighth of a turn is exact.

    Returns
    -------
    sine, cosine : float or Lanes

    Examples
    --------
    >>> [round(float(value), 15) for value in sine_cosine_of_turn(0.125)]
    [0.707106781186547, 0.707106781186548]
    """
    quarters = 4.0 * u
    rounded = quarters + _ROUNDER
    quadrant = bits_of(rounded)
    odd = from_bits((quadrant & _ONE) + _ROUNDER_BITS) > _ROUNDER
    x = (quarters - (rounded - _ROUNDER)) * 1.57079632679489661923
    z = x * x
    w = z * z
    p = fma(
        w,
        fma(
            w,
            fma(z, 1.58969099521155010221e-10, -2.50507602534068634195e-08),
            fma(z, 2.75573137070700676789e-06, -1.98412698298579493134e-04),
        ),
        fma(z, 8.33333333332248946124e-03, -1.66666666666666324348e-01),
    )
    sine = fma(x * z, p, x)
    q = fma(
        w,
        fma(
            w,
            fma(z, -1.13596475577881948265e-11, 2.08757232129817482790e-09),
            fma(z, -2.75573143513906633035e-07, 2.48015872894767294178e-05),
        ),
        fma(z, -1.38888888888741095749e-03, 4.16666666666666019037e-02),
    )
    cosine = fma(w, q, fma(z, -0.5, 1.0))
    first, second = select(odd, cosine, sine), select(odd, sine, cosine)
    # The sign is bit 1 of the quadrant, and of the next quadrant for the cosine.
    sign_first = (quadrant >> _ONE) << _SIGN
    sign_second = ((quadrant + _ONE) >> _ONE) << _SIGN
    return from_bits(bits_of(first) ^ sign_first), from_bits(bits_of(second) ^ sign_second)


@inlined
def box_muller(u, v):
    """Two independent standard normal numbers from two independent uniform ones (Box and Muller, 1958).

    Parameters
    ----------
    u, v : float or Lanes
        In (0, 1).

    Returns
    -------
    first, second : float or Lanes

    Examples
    --------
    >>> first, second = box_muller(0.6065306597126334, 0.25)
    >>> round(float(first), 12), abs(round(float(second), 12))
    (1.0, 0.0)
    """
    radius = root(-2.0 * LN2 * log2(u))
    sine, cosine = sine_cosine_of_turn(v)
    return radius * sine, radius * cosine
