"""The update rule by the functions of `abm.equations`, and parameters of all kinds for it."""

import math

from abm.equations import INCREMENT, LITERAL, RATE, anchor, pull, saturate

INF = math.inf


ONES = (1.0, 1.0, 1.0)


READINGS = {"literal": LITERAL, "rate": RATE, "increment": INCREMENT}


def moved(state, values, reading="literal", speeds=ONES, ceilings=(INF, INF, INF)):
    """One step of the update rule, from the functions of `abm.equations`."""
    T, C, R = state
    T0, C0, R0, k1, k2, k3 = values
    code = READINGS[reading]
    rows = (T, T0, k1, C, C0), (C, C0, k2, R, R0), (R, R0, k3, T, T0)
    return tuple(
        x + v * (anchor(code, x0, x) + saturate(pull(code, k, y, y0), ceiling) - x)
        for (x, x0, k, y, y0), v, ceiling in zip(rows, speeds, ceilings)
    )


def random_values(draw):
    """Baselines within a factor of ten, and pulls relative to their baselines from a thousandth to a hundred."""
    T0, C0, R0 = (10.0 ** draw.uniform(-1, 1) for _ in range(3))
    a, b, d = (10.0 ** draw.uniform(-3, 2) for _ in range(3))
    return T0, C0, R0, a * T0 / C0**2, b * C0 / R0**2, d * R0 / T0**2
