"""The article's equations (§4) and nothing else, one line each.

T is technology accumulation, C market competitiveness, R return on investment as a gross ratio (revenue over cost,
1 is break-even). x0 is a baseline, y what drives x: (x, y) is (T, C), (C, R) and (R, T). T and C are in
units of the model's own, R is a pure ratio. From Python the functions take numbers, arrays and whatever else can be
added and multiplied; kernels call the same lines compiled.
"""

from abm.numerics.compilation import formula
from abm.numerics.elementwise import fma
from abm.scenario.parameters import MARKET

# The three readings of the system as dynamics, each a choice of anchor and pull.
LITERAL = 0  # §4.2: the equations as an update rule, anchored at the baseline
RATE = 1  # §4.1: f as a rate of change, anchored where the firm stands
INCREMENT = 2  # §4.3: T grows by k1·C, and so on
READINGS = MARKET["reading"].choices


@formula
def rate(k, y):
    """§4.2: f = k·y, the rate of change of what y drives.

    Examples
    --------
    The three worked numbers of §4.3; the third puts the increase ΔT where §4.2 has T itself:

    >>> round(rate(0.2, 0.8), 12), round(rate(0.1, 1.2), 12), round(rate(0.5, 0.2), 12)
    (0.16, 0.12, 0.1)
    """
    return k * y


@formula
def general_form(x0, f, y, y0):
    """§4.1: x = x0 + f·(y − y0), for (x, y, f) = (T, C, f1), (C, R, f2) and (R, T, f3).

    Examples
    --------
    >>> round(general_form(1.0, 0.16, 0.8, 1.0), 12)
    0.968
    """
    return x0 + f * (y - y0)


@formula
def coupled(x0, k, y, y0):
    """§4.2 in full: x = x0 + k·y·(y − y0).

    Examples
    --------
    T of a firm with T0 = 1, k1 = 0.2, C = 0.8, C0 = 0.5:

    >>> round(coupled(1.0, 0.2, 0.8, 0.5), 12)
    1.048
    """
    return general_form(x0, rate(k, y), y, y0)


@formula
def loop_gain(k1, k2, k3, T0, C0, R0):
    """Derivative of the three composed maps at the baseline: below 1 the baseline is stable, above 1 it is not.

    Examples
    --------
    >>> round(loop_gain(0.9, 0.9, 0.9, 1.0, 1.0, 1.0), 12)
    0.729
    """
    return k1 * k2 * k3 * T0 * C0 * R0


@formula
def pull(reading, k, y, y0):
    """What draws x away from its anchor: k·y·(y − y0) (§4.1, §4.2), or k·y in the reading of §4.3.

    Examples
    --------
    >>> round(pull(LITERAL, 0.2, 0.8, 0.5), 12), round(pull(INCREMENT, 0.2, 0.8, 0.5), 12)
    (0.048, 0.16)
    """
    return rate(k, y) if reading == INCREMENT else rate(k, y) * (y - y0)


@formula
def anchor(reading, x0, x):
    """Where the pull starts from: the baseline x0 in the literal reading, else the present x.

    Examples
    --------
    >>> anchor(LITERAL, 1.0, 3.0), anchor(RATE, 1.0, 3.0)
    (1.0, 3.0)
    """
    return x0 if reading == LITERAL else x


@formula
def saturate(x, ceiling):
    """S(x; K) = x / (1 + |x|/K): slope 1 at 0, so the loop gain is unchanged; K = inf is the identity.

    Examples
    --------
    >>> saturate(2.0, 2.0), saturate(-2.0, float("inf"))
    (1.0, -2.0)
    """
    return x / fma(abs(x), 1.0 / ceiling, 1.0)
