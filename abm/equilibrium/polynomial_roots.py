"""All real roots of a polynomial with rational coefficients: none lost and none invented.

The eigenvalues of the companion matrix propose where the roots lie, but in floating point two that almost meet may
come out as a complex pair, or a complex pair as two roots. So Sturm's theorem, in exact integers, counts the roots
between the proposals, and bisection by the exact sign closes in on each.

Polynomials are lists of integers here, the leading coefficient first.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

_HALVINGS = 24  # between two checks whether a root is known to the wanted precision


def real_roots(
    coefficients: Sequence[Fraction],
    low: Fraction,
    high: Fraction | None,
    close: Callable[[Fraction, Fraction], bool],
) -> list[Fraction]:
    """The different real roots in (low, high], by rising value; a multiple root counts once.

    Parameters
    ----------
    coefficients : sequence of Fraction
        The constant first, as `numpy.polynomial.Polynomial` has them.
    low, high : Fraction
        `high` may be None for no upper end.
    close : callable
        Gets two numbers with a root between them, and returns whether their distance is small enough to stop.

    Examples
    --------
    The first two roots of (x² − 2)(x − 3)², of which np.roots gives the last to only eight digits:

    >>> roots = real_roots([Fraction(c) for c in (-18, 12, 7, -6, 1)], Fraction(-2), None, lambda a, b: b - a < 1e-20)
    >>> [round(float(root), 15) for root in roots]
    [-1.414213562373095, 1.414213562373095, 3.0]
    """
    polynomial = _integers(coefficients)
    if len(polynomial) < 2:
        return []
    chain = _sturm_chain(polynomial)
    if len(chain[-1]) > 1:  # the common factor with the derivative: what makes roots multiple
        chain = _sturm_chain(_primitive(_divide(polynomial, chain[-1])[0]))
    polynomial = chain[0]
    high = max(_bound(polynomial), 2 * abs(low)) if high is None else high
    cuts = [low, *(cut for cut in _proposals(polynomial) if low < cut < high), high]
    changes = [_changes(chain, cut) for cut in cuts]
    # Intervals still to search, the lowest last: two ends, and the sign changes at each.
    intervals = [*zip(itertools.pairwise(cuts), itertools.pairwise(changes))][::-1]
    roots = []
    while intervals:
        (a, b), (at_a, at_b) = intervals.pop()
        if at_a - at_b == 1:
            roots.append(_close_in(polynomial, a, b, close))
        elif at_a - at_b > 1:
            middle = _middle(a, b)
            at_middle = _changes(chain, middle)
            intervals += [((middle, b), (at_middle, at_b)), ((a, middle), (at_a, at_middle))]
    return roots


def _close_in(polynomial: list[int], a: Fraction, b: Fraction, close: Callable[[Fraction, Fraction], bool]) -> Fraction:
    """The only root in (a, b], a simple one, or the middle of two numbers around it at which `close` is true."""
    at_b = _sign(polynomial, b)
    if at_b == 0:
        return b
    while True:
        for _ in range(_HALVINGS):
            middle = _middle(a, b)
            at_middle = _sign(polynomial, middle)
            if at_middle == 0:
                return middle
            a, b = (a, middle) if at_middle == at_b else (middle, b)
        if close(a, b):
            return (a + b) / 2


def _middle(a: Fraction, b: Fraction) -> Fraction:
    """A number between the two that halves the interval, or its logarithm where that is longer."""
    if 0 < 4 * a < b:
        exponents = (x.numerator.bit_length() - x.denominator.bit_length() for x in (a, b))
        middle = Fraction(2) ** (sum(exponents) // 2)
        return middle if a < middle < b else 2 * a
    return (a + b) / 2


def _sign(polynomial: list[int], x: Fraction) -> int:
    """The sign at x: Horner's scheme, multiplied by powers of the denominator so that it stays in integers."""
    value, power = 0, 1
    for coefficient in polynomial:
        value = value * x.numerator + coefficient * power
        power *= x.denominator
    return (value > 0) - (value < 0)


def _changes(chain: list[list[int]], x: Fraction) -> int:
    """The number of sign changes along the chain; the difference between a and b is the number of roots in (a, b]."""
    signs = [sign for sign in (_sign(polynomial, x) for polynomial in chain) if sign]
    return sum(one != other for one, other in itertools.pairwise(signs))


def _sturm_chain(polynomial: list[int]) -> list[list[int]]:
    """The polynomial, its derivative, and each time the negative remainder of the two before."""
    degree = len(polynomial) - 1
    chain = [polynomial, _primitive([(degree - place) * c for place, c in enumerate(polynomial[:-1])])]
    while True:
        _, rest = _divide(chain[-2], chain[-1])
        if not rest:
            return chain
        chain.append(_primitive([-c for c in rest]))


def _divide(polynomial: list[int], divisor: list[int]) -> tuple[list[int], list[int]]:
    """Quotient and remainder of a positive multiple of the polynomial, so that both are integers."""
    lead, sign = abs(divisor[0]), 1 if divisor[0] > 0 else -1
    quotient, rest = [], list(polynomial)
    while len(rest) >= len(divisor):
        factor = sign * rest[0]
        quotient = [lead * c for c in quotient] + [factor]
        padded = divisor + [0] * (len(rest) - len(divisor))
        rest = [lead * c - factor * d for c, d in zip(rest, padded)][1:]
    return quotient, list(itertools.dropwhile(lambda c: c == 0, rest))


def _integers(coefficients: Sequence[Fraction]) -> list[int]:
    """A positive multiple with integer coefficients, leading zeros dropped, in reverse order."""
    denominator = math.lcm(*(c.denominator for c in coefficients))
    whole = [int(c * denominator) for c in reversed(coefficients)]
    return _primitive(list(itertools.dropwhile(lambda c: c == 0, whole)))


def _primitive(polynomial: list[int]) -> list[int]:
    divisor = math.gcd(*polynomial)
    return [c // divisor for c in polynomial]


def _bound(polynomial: list[int]) -> Fraction:
    """A power of two above all roots, by Cauchy's bound 1 + max |c / leading c|."""
    largest = max(abs(c) for c in polynomial)
    return Fraction(2) ** (largest.bit_length() - polynomial[0].bit_length() + 2)


def _proposals(polynomial: list[int]) -> list[Fraction]:
    """Numbers that should separate the roots: the middles between eigenvalues of the companion matrix."""
    largest = max(abs(c) for c in polynomial)
    found = np.unique(np.roots([float(Fraction(c, largest)) for c in polynomial]).real)
    return [Fraction(float(middle)) for middle in (found[:-1] + found[1:]) / 2]
