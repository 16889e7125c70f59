"""The numbers from which the outcomes of a run are computed."""

from collections import namedtuple

import numpy as np

from abm.market.firms import FIRM
from abm.market.growth import GROWTH_PLACES
from abm.market.run import FIRST_MEASURE, TALLY
from abm.numerics.compilation import kernel, part
from abm.numerics.vectormath import log

# Behind the window means in a row of outcome numbers; the growth record follows.
Numbers = namedtuple("Numbers", "survival peak_firms peak_step hill alive leader_hazard take_off_step rank_tau")
NUMBER = Numbers(*range(len(Numbers._fields)))
FIRST_GROWTH = len(NUMBER)

LEAST_FIRMS = 100  # below, no tail exponent


def numbers_of(measures: int) -> int:
    """Length of a row of outcome numbers."""
    return measures + FIRST_GROWTH + GROWTH_PLACES


@part
def _hill(firms, n):
    k = n // 10
    if n < LEAST_FIRMS:
        return np.nan
    bases = np.sort(firms[FIRM.B])
    least = bases[bases.size - k - 1]
    total = 0.0
    for rank in range(k):
        total += log(bases[bases.size - 1 - rank]) - log(least)
    return k / total if total > 0.0 else np.nan


@kernel
def outcome_numbers(state, tally, out):
    """The numbers that a run's outcomes are made of.

    Parameters
    ----------
    state : State
        At the end of the run.
    tally : float64 array
        Of the run's `Record`.
    out : float64 array, shape (measures + 8 + 42,)
        Filled with the means of the window, the constants of this module, and the growth record.
    """
    measures = out.size - FIRST_GROWTH - GROWTH_PLACES
    for place in range(measures):
        known = tally[FIRST_MEASURE + measures + place] > 0.0
        out[place] = tally[FIRST_MEASURE + place] if known else np.nan
    alive, survivors, initial = 0, 0, state.counters[0].initial_firms
    for i in range(state.firms.shape[1]):
        if state.firms[FIRM.B, i] > 0.0:
            alive += 1
            survivors += 1 if state.firms[FIRM.id, i] < initial else 0
    out[measures + NUMBER.survival] = survivors / initial
    out[measures + NUMBER.peak_firms] = tally[TALLY.peak_firms]
    out[measures + NUMBER.peak_step] = tally[TALLY.peak_step]
    out[measures + NUMBER.hill] = _hill(state.firms, alive)
    out[measures + NUMBER.alive] = alive
    out[measures + NUMBER.leader_hazard] = tally[TALLY.leader_changes] / tally[TALLY.leader_steps]
    out[measures + NUMBER.take_off_step] = tally[TALLY.take_off_step]
    out[measures + NUMBER.rank_tau] = tally[TALLY.rank_taus] / tally[TALLY.rank_tau_N]
    for place in range(GROWTH_PLACES):
        out[measures + FIRST_GROWTH + place] = tally[FIRST_MEASURE + 2 * measures + place]
