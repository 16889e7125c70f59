"""Sectors by their shares, and how a number is split in proportion to shares: exactly, and by trying all ways."""

import itertools
import math
from fractions import Fraction


def sectors_of(shares, **others):
    return [{"name": f"sector_{m}", "demand_share": share, **others} for m, share in enumerate(shares)]


def exact(shares):
    """Shares as the decimal numbers that a scenario writes, summing to 1."""
    fractions = [Fraction(str(share)) for share in shares]
    return [share / sum(fractions) for share in fractions]


def closest_split(shares, total):
    """Of all ways to round each quota down or up that add up to the total, the one closest to the quotas.

    Which is what largest remainders give (Birkhoff 1976). On a tie the earlier have more.
    """
    quotas = [share * total for share in exact(shares)]
    ways = itertools.product(*({math.floor(quota), math.ceil(quota)} for quota in quotas))
    fitting = [way for way in ways if sum(way) == total]
    return min(
        fitting, key=lambda way: (sum((n - q) ** 2 for n, q in zip(way, quotas, strict=True)), [-n for n in way])
    )
