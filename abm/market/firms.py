"""What is known of a market's firms: a column each, and how the columns lie in memory.

Kernels work on views: `firms_at` is eight firms of `State.firms` as numbers to calculate with, `firm_of` names its rows
for one firm after the other.
"""

from typing import NamedTuple

import numpy as np

from abm.numerics.lanes import ROOM, lanes_of
from abm.numerics.views import columns_of

_LINE = 8  # numbers in a line of the cache
_PAGE = 64  # lines, 4 KB: addresses so far apart share their places in the cache
_ROW_SHIFT = 4  # lines by which a row lies beyond a whole number of pages from the row before


class Firm(NamedTuple):
    """What is known of firms, a column each; symbols are those of the model: state, traits, then what a step keeps.

    Attributes
    ----------
    T, C, P, R, Q, B, F, theta, omega, age, R_smoothed, R_reviewed, direction : float64 array, shape (slots,)
        The state. `direction` is 1 or -1; of a firm that follows a rule of the user's own it is the rule's memory.
    T0, C0, R0, k1, k2, k3, strategy, id : float64 array, shape (slots,)
        The traits. `strategy` is an index into the scenario's strategies; `id` is -1 in a vacant slot.
    B_before : float64 array, shape (slots,)
        B at the step's start, 0 where the slot was vacant.
    attractiveness : float64 array, shape (slots,)
        Of the state as it stands, for the next step's demand.
    peak_share : float64 array, shape (slots,)
        The largest share of the sector at any step's end so far.
    next_theta, next_omega : float64 array, shape (slots,)
        Results of a review until all have reviewed.
    B_quarter : float64 array, shape (slots,)
        B at the end of the last quarter of the run that is over.
    theta_entry, omega_entry : float64 array, shape (slots,)
        θ and ω as the firm entered.
    entered : float64 array, shape (slots,)
        The step at which the firm entered, which no change by hand touches; 0 for the first firms.
    growth : float64 array, shape (slots,)
        Growth of B, in the row of `next_theta`: it is written after that has been read.
    last_B : float64 array, shape (slots,)
        The last B of a firm that has just left, in the row of `B_quarter`, of which it has no more need.
    """

    T: np.ndarray
    C: np.ndarray
    P: np.ndarray
    R: np.ndarray
    Q: np.ndarray
    B: np.ndarray
    F: np.ndarray
    theta: np.ndarray
    omega: np.ndarray
    age: np.ndarray
    R_smoothed: np.ndarray
    R_reviewed: np.ndarray
    direction: np.ndarray
    T0: np.ndarray
    C0: np.ndarray
    R0: np.ndarray
    k1: np.ndarray
    k2: np.ndarray
    k3: np.ndarray
    strategy: np.ndarray
    id: np.ndarray
    B_before: np.ndarray
    attractiveness: np.ndarray
    peak_share: np.ndarray
    next_theta: np.ndarray
    next_omega: np.ndarray
    B_quarter: np.ndarray
    theta_entry: np.ndarray
    omega_entry: np.ndarray
    entered: np.ndarray
    growth: np.ndarray
    last_B: np.ndarray


FIRM_ROWS = 30
# The row of State.firms that each column of a `Firm` is. `growth` and `last_B` share rows: 24 is that of `next_theta`,
# 26 that of `B_quarter`. A new column goes between `entered` and `growth`, and raises FIRM_ROWS by one.
FIRM = Firm(*range(FIRM_ROWS), growth=24, last_B=26)


# For kernels: the firms of slots `start` to `stop` as (State.firms, start, stop) -> Firm, each column an array.
firm_of = columns_of(Firm, FIRM)
# For kernels: eight firms from a slot on, vacant slots among them, as (State.firms, slot) -> Firm, each column lanes.
firms_at = lanes_of(Firm, FIRM)


def firms_in(firms: np.ndarray, slots: np.ndarray) -> Firm:
    """The firms of some slots as copies."""
    return Firm(*(firms[row, slots] for row in FIRM))


def aligned(shape: tuple[int, int]) -> np.ndarray:
    """A table of zeros that begins at a line of the cache."""
    count = shape[0] * shape[1]
    whole = np.zeros(count + _LINE)
    first = -whole.ctypes.data % (8 * _LINE) // 8
    return whole[first : first + count].reshape(shape)


def rows_of_slots(slots: int) -> np.ndarray:
    """Rows of zeros for firms, with room behind the last slot to read eight from any slot on.

    Parameters
    ----------
    slots : int

    Returns
    -------
    float64 array, shape (30, slots)
        A view of longer rows; kernels take no other.
    """
    lines = (slots + ROOM) // _LINE + 1
    if lines > _PAGE // 2:
        # Rows whose slots lie a whole page apart, or nearly, would drive each other out of the cache.
        lines += (_ROW_SHIFT - lines) % _PAGE
    return aligned((FIRM_ROWS, _LINE * lines))[:, :slots]
