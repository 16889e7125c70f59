"""The equilibria of the article's equations (§4), exactly: which are stable, and where the take-off begins.

    T = T0 + k1·C·(C − C0)      C = C0 + k2·R·(R − R0)      R = R0 + k3·T·(T − T0)

The baseline solves them. At any other solution the product of the three deviations cancels out, which leaves

    k1·k2·k3·T·C·R = 1

and, with C and R put in, a polynomial of degree 7 in T. The signs of the deviations say where its roots are. A T
below 0 or above T0 lifts R over R0, hence C over C0, hence T over T0; a T between 0 and T0 lowers R, which must stay
above 0, or C and T would be lifted; and C likewise. So no equilibrium has a negative T, C or R, and apart from the
baseline either all three are above their baselines or all three are between 0 and them. Above, T·C·R only rises with
T: there is one equilibrium, an unstable one, if the loop gain g = k1·k2·k3·T0·C0·R0 is between 0 and 1, else none.
Below there are at most seven. All are found in exact arithmetic by `abm.equilibrium.rest_points`.

Ceilings, S(x; K) = x / (1 + |x|/K), keep the signs, so the same holds but for the number above, and on each side of the
baseline the equations are still a polynomial's, now of degree 8.

The update rule of a reading, in which all three move at once, is x' = x + v·(anchor + S(pull) − x); its rest points:

- literal: the equilibria, at any speeds v. With all speeds 1 three steps are a lap of the loop: the cube of every
  eigenvalue is the composed map's derivative m = ∏ k·(2y − y0), so the spectral radius is |m|^(1/3), and a firm's T, C
  and R are three separate orbits of composed maps. The baseline, with m = g, is stable below g = 1 at any speeds: the
  Jacobian has no negative entry there, so its largest eigenvalue is real, and it is 1 where v_T·v_C·v_R·(1 − g) = 0.
- rate: every pull k·y·(y − y0) is 0, so each of T, C, R is at its baseline or at 0: eight rest points. The eigenvalues
  are 1 + s·∛1 with s³ = ±v_T·v_C·v_R·g, of which one always is outside the unit circle: all eight are unstable for
  any g > 0. (In a market the floors hold firms that decline towards 0.)
- increment: every pull k·y is 0, so T = C = R = 0, and that is unstable for the same reason.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from abm.equations import loop_gain
from abm.equilibrium.rest_points import Equation, exact_equations, nearest_float, rest_points, slopes, spectral_radius
from abm.errors import InputError
from abm.scenario.parameters import MARKET, SECTOR

if TYPE_CHECKING:
    from abm.scenario.scenario import Scenario

__all__ = ["Equilibrium", "coefficients_at_gain_one", "describe", "equilibria", "loop_gain",
           "take_off_threshold"]  # fmt: skip

NAMES = ("T0", "C0", "R0", "k1", "k2", "k3")
SPEEDS = ("technology_speed", "competitiveness_speed", "return_speed")
CEILINGS = ("technology_ceiling", "competitiveness_ceiling", "return_ceiling")
AT_ONCE = (1.0, 1.0, 1.0)  # each target is reached in one step
NO_CEILINGS = (math.inf, math.inf, math.inf)


class Equilibrium(NamedTuple):
    """A rest point and its stability under the update rule that it was asked for.

    Parameters
    ----------
    T, C, R : float
        inf where a number is beyond the largest float.
    spectral_radius : float
        The largest absolute eigenvalue of the update rule's Jacobian.
    stable : bool
        Whether that is below 1.
    is_baseline : bool
    """

    T: float
    C: float
    R: float
    spectral_radius: float
    stable: bool
    is_baseline: bool


def equilibria(
    T0: float,
    C0: float,
    R0: float,
    k1: float,
    k2: float,
    k3: float,
    *,
    monetisation: float = 1.0,
    reading: str = "literal",
    speeds: Sequence[float] = AT_ONCE,
    ceilings: Sequence[float] = NO_CEILINGS,
) -> list[Equilibrium]:
    """All rest points of §4 by rising T, each with its stability; in the literal reading all real equilibria.

    Equilibria that agree in T, C and R to the last bit are given once.

    Parameters
    ----------
    T0, C0, R0, k1, k2, k3 : float
        Baselines and coefficients, in the ranges of `abm parameters`.
    monetisation : float
        A factor on k3, as sectors have it.
    reading : {"literal", "rate", "increment"}
        The dynamics. In the last two a coefficient of 0 would leave lines of rest points, and is refused.
    speeds : sequence of 3 floats
        v_T, v_C and v_R: they move no rest point, but change its stability.
    ceilings : sequence of 3 floats
        K_T, K_C and K_R.

    Returns
    -------
    list of Equilibrium
        Sorted by T, then C and R.

    Raises
    ------
    InputError
        If a number is outside its range, or a coefficient is 0 in the readings "rate" and "increment".

    Examples
    --------
    With equal coefficients and baselines of 1, the baseline and 1/k:

    >>> for each in equilibria(1, 1, 1, 0.8, 0.8, 0.8):
    ...     print(each.T, each.stable, round(each.spectral_radius, 12))
    1.0 True 0.8
    1.25 False 1.2
    """
    equations = _equations((T0, C0, R0, k1, k2, k3), monetisation, ceilings)
    speeds = _checked(SPEEDS, speeds)
    MARKET["reading"].check(reading)
    baseline = tuple(float(equation.x0) for equation in equations)
    points = {}  # by their floats: the baseline comes first and so takes those that agree with it
    for point in rest_points(equations, reading):
        points.setdefault(tuple(map(nearest_float, point)), point)
    found = []
    for floats, point in points.items():
        radius = spectral_radius(slopes(equations, reading, point), reading, speeds)
        found.append(Equilibrium(*floats, radius, radius < 1.0, floats == baseline))
    return sorted(found)


def take_off_threshold(
    T0: float,
    C0: float,
    R0: float,
    k1: float,
    k2: float,
    k3: float,
    *,
    monetisation: float = 1.0,
    ceilings: Sequence[float] = NO_CEILINGS,
) -> float | None:
    """The T of the unstable equilibrium that separates return to the baseline from growth (§4.2), or None.

    It is the lowest unstable equilibrium above a stable baseline. By the literal update rule a firm that starts with
    none of T, C and R below its baseline returns to it if they are below this equilibrium's, and takes off if one of
    them is above. (From below its baselines it can overshoot and take off too if one of k1·C0²/T0, k2·R0²/C0 and
    k3·T0²/R0 exceeds 4; else it cannot.)

    Parameters
    ----------
    T0, C0, R0, k1, k2, k3 : float
        Baselines and coefficients, in the ranges of `abm parameters`.
    monetisation : float
        A factor on k3, as sectors have it.
    ceilings : sequence of 3 floats
        K_T, K_C and K_R.

    Returns
    -------
    float or None
        None if the loop gain is 1 or more, because then no firm returns to the baseline from above; if a coefficient is
        0; or if ceilings let no firm take off.

    Raises
    ------
    InputError
        If a number is outside its range.

    Examples
    --------
    >>> round(take_off_threshold(1, 1, 1, 0.9, 0.9, 0.9), 12)
    1.111111111111
    >>> take_off_threshold(1, 1, 1, 1.1, 1.1, 1.1) is None
    True
    """
    return _threshold(equilibria(T0, C0, R0, k1, k2, k3, monetisation=monetisation, ceilings=ceilings))


def _threshold(found: Sequence[Equilibrium]) -> float | None:
    """The T of the lowest unstable equilibrium above a stable baseline."""
    place = next(place for place, each in enumerate(found) if each.is_baseline)
    if not found[place].stable:
        return None
    return next((each.T for each in found[place + 1 :] if not each.stable), None)


def coefficients_at_gain_one(
    T0: float, C0: float, R0: float, k1: float, k2: float, k3: float, *, monetisation: float = 1.0
) -> dict[str, float]:
    """The value of each coefficient at which the loop gain is 1 while the others stay (§4.2).

    Parameters
    ----------
    T0, C0, R0, k1, k2, k3 : float
        Baselines and coefficients, in the ranges of `abm parameters`.
    monetisation : float
        A factor on k3, as sectors have it.

    Returns
    -------
    dict of str to float
        By `k1`, `k2`, `k3`; inf if one of the other coefficients is 0.

    Raises
    ------
    InputError
        If a number is outside its range.

    Examples
    --------
    >>> coefficients_at_gain_one(1, 1, 1, 0.5, 2, 0.8)
    {'k1': 0.625, 'k2': 2.5, 'k3': 1.0}
    """
    values = dict(zip(NAMES, _checked(NAMES, (T0, C0, R0, k1, k2, k3))))
    values["monetisation"] = SECTOR["monetisation"].check(monetisation)
    limits = {}
    for name in ("k1", "k2", "k3"):
        others = math.prod(Fraction(value) for key, value in values.items() if key != name)
        limits[name] = nearest_float(1 / others) if others else math.inf
    return limits


def describe(scenario: "Scenario", *, ceilings: bool = False) -> dict[str, Any]:
    """What `abm equilibrium --json` prints: the equations of a scenario's median firm, and of each sector's.

    Parameters
    ----------
    scenario : Scenario
    ceilings : bool
        Include the scenario's ceilings in the equations, and list them in `ceilings`.

    Returns
    -------
    dict
        `baseline`, `k`, `loop_gain`, `equilibria` (of the literal update rule with all speeds 1) and
        `take_off_threshold` with a monetisation of 1, and `sectors`: the same with each one's `name` and `k3`.

    Examples
    --------
    >>> from abm import Scenario
    >>> described = describe(Scenario(k1=0.8, k2=0.8, k3=0.8))
    >>> round(described["loop_gain"], 12), described["take_off_threshold"], described["sectors"][0]["name"]
    (0.512, 1.25, 'market')
    """
    values, bounds = values_of(scenario, NAMES), ceilings_of(scenario, ceilings)

    def entry(monetisation: float) -> dict[str, Any]:
        found = equilibria(*values, monetisation=monetisation, ceilings=bounds)
        baseline, k = dict(zip(NAMES[:3], values[:3])), dict(zip(NAMES[3:], values[3:]))
        k["k3"] *= monetisation
        return {
            "baseline": baseline,
            "k": k,
            "loop_gain": loop_gain(*k.values(), *baseline.values()),
            "equilibria": [each._asdict() for each in found],
            "take_off_threshold": _threshold(found),
        }

    entries = {each: entry(each) for each in {1.0, *(sector.monetisation for sector in scenario.sectors)}}
    sectors = []
    for sector in scenario.sectors:
        own = entries[sector.monetisation]
        sectors.append({"name": sector.name, "k3": own["k"]["k3"], **own})
    listed = {"ceilings": dict(zip(CEILINGS, bounds))} if ceilings else {}
    return {**entries[1.0], **listed, "sectors": sectors}


def values_of(scenario: "Scenario", names: Sequence[str]) -> list[float]:
    """A scenario's values of some parameters."""
    return [getattr(scenario, name) for name in names]


def ceilings_of(scenario: "Scenario", wanted: bool) -> tuple[float, ...]:
    """A scenario's ceilings, or none."""
    return tuple(values_of(scenario, CEILINGS)) if wanted else NO_CEILINGS


def _checked(names: Sequence[str], values: Sequence[float]) -> tuple[float, ...]:
    if len(values) != len(names):
        raise InputError(f"{', '.join(names)} are {len(names)} numbers, not {len(values)}")
    return tuple(MARKET[name].check(value) for name, value in zip(names, values))


def _equations(values: Sequence[float], monetisation: float, ceilings: Sequence[float]) -> tuple[Equation, ...]:
    monetisation = SECTOR["monetisation"].check(monetisation)
    return exact_equations(_checked(NAMES, values), monetisation, _checked(CEILINGS, ceilings))
