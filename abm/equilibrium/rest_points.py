"""The article's equations (§4) in exact numbers: their rest points and their slopes."""

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial

from abm.equations import LITERAL, pull
from abm.equilibrium.polynomial_roots import real_roots
from abm.errors import InputError

_CLOSE = Fraction(1, 2**64)  # relative; a float has 53 bits


class Equation(NamedTuple):
    """One equation x = x0 + S(k·y·(y − y0)) in exact numbers; tightness is 1/K, 0 for no ceiling."""

    x0: Fraction
    k: Fraction
    y0: Fraction
    tightness: Fraction

    def value(self, y: Fraction) -> Fraction:
        drawn = pull(LITERAL, self.k, y, self.y0)
        return self.x0 + drawn / (1 + abs(drawn) * self.tightness)

    def slope(self, y: Fraction) -> Fraction:
        drawn = pull(LITERAL, self.k, y, self.y0)
        return self.k * (2 * y - self.y0) / (1 + abs(drawn) * self.tightness) ** 2


def exact_equations(values: Sequence[float], monetisation: float, ceilings: Sequence[float]) -> tuple[Equation, ...]:
    """The equations of T, C and R from T0 C0 R0 k1 k2 k3; k3 is multiplied in floating point, as firms' own is."""
    T0, C0, R0, k1, k2, k3 = values
    tightness = [Fraction(0) if math.isinf(ceiling) else 1 / Fraction(ceiling) for ceiling in ceilings]
    rows = (T0, k1, C0), (C0, k2, R0), (R0, k3 * monetisation, T0)
    return tuple(Equation(*map(Fraction, row), tight) for row, tight in zip(rows, tightness))


def rest_points(equations: tuple[Equation, ...], reading: str) -> list[tuple[Fraction, ...]]:
    """The rest points of a reading, the baseline first where it is one."""
    baseline = tuple(equation.x0 for equation in equations)
    if reading == "literal":
        return [baseline, *_below(equations), *_above(equations)]
    for name, equation in zip(("k1", "k2", "k3"), equations):
        if not equation.k:
            raise InputError(f"{name} = 0.0 leaves no isolated rest point of the reading {reading}; allowed is above 0")
    if reading == "rate":
        return list(itertools.product(*((x0, Fraction(0)) for x0 in baseline)))
    return [(Fraction(0),) * 3]


def _below(equations: tuple[Equation, ...]) -> list[tuple[Fraction, ...]]:
    """The equilibria between 0 and the baseline."""
    baseline = tuple(equation.x0 for equation in equations)
    roots = real_roots(_polynomial(equations, -1), Fraction(0), baseline[0], _close(equations))
    points = [_point(equations, T) for T in roots]
    # With ceilings the polynomial has further roots, at which a pull has not the sign that the polynomial assumes.
    return [point for point in points if all(0 < x < x0 for x, x0 in zip(point, baseline))]


def _above(equations: tuple[Equation, ...]) -> list[tuple[Fraction, ...]]:
    """The equilibria above the baseline."""
    roots = real_roots(_polynomial(equations, 1), equations[0].x0, None, _close(equations))
    return [_point(equations, T) for T in roots]


def _point(equations: tuple[Equation, ...], T: Fraction) -> tuple[Fraction, ...]:
    _, of_c, of_r = equations
    R = of_r.value(T)
    return T, of_c.value(R), R


def _close(equations: tuple[Equation, ...]) -> Callable[[Fraction, Fraction], bool]:
    """Whether two T are the same to a float's digits, and so are their C and R."""

    def close(a: Fraction, b: Fraction) -> bool:
        return all(abs(x - y) <= abs(y) * _CLOSE for x, y in zip(_point(equations, a), _point(equations, b)))

    return close


def _polynomial(equations: tuple[Equation, ...], sign: int) -> list[Fraction]:
    """The polynomial in T whose roots are the equilibria above (sign 1) or below (−1) the baseline.

    There the pulls p of T, C and R have that sign, so that S(p) = p / (1 + sign·p/K). With the common denominators
    of R and C, R = r/r' and C = c/c', and the factor T − T0 taken out, T = T0 + S(k1·C·(C − C0)) becomes

        k1·k2·k3·T·c·r·(1 − sign·(T − T0)/K_T) = c'²

    which without ceilings is k1·k2·k3·T·C·R = 1.
    """
    (T0, k1, C0, tight_t), (_, k2, R0, tight_c), (_, k3, _, tight_r) = equations
    T, one = Polynomial([Fraction(0), Fraction(1)]), Polynomial([Fraction(1)])
    pull_r = pull(LITERAL, k3, T, T0)
    r_below = one + sign * tight_r * pull_r
    r = R0 * r_below + pull_r
    pull_c = k2 * r * pull_r
    c_below = r_below**2 + sign * tight_c * pull_c
    c = C0 * c_below + pull_c
    difference = k1 * k2 * k3 * T * c * r * (one - sign * tight_t * (T - T0)) - c_below**2
    return [Fraction(coefficient) for coefficient in difference.coef]


def slopes(equations: tuple[Equation, ...], reading: str, point: tuple[Fraction, ...]) -> list[Fraction]:
    """The derivatives of the saturated pulls of T by C, of C by R and of R by T."""
    T, C, R = point
    if reading == "increment":  # at a pull of 0, where S has slope 1
        return [equation.k for equation in equations]
    return [equation.slope(y) for equation, y in zip(equations, (C, R, T))]


def spectral_radius(derivatives: Sequence[Fraction], reading: str, speeds: Sequence[float]) -> float:
    """Of an update rule's Jacobian: its eigenvalues depend on the diagonal and the product of the other entries."""
    product = nearest_float(math.prod(derivatives))
    side = float(np.cbrt(product)) * float(np.cbrt(math.prod(speeds)))
    if not math.isfinite(side):
        return math.inf
    x, y, z = (1.0 - v if reading == "literal" else 1.0 for v in speeds)
    if x == y == z:  # in closed form: x + side·∛1
        return max(abs(x + side), math.hypot(x - side / 2.0, side * math.sqrt(0.75)))
    jacobian = [[x, side, 0.0], [0.0, y, side], [side, 0.0, z]]
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def nearest_float(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf
