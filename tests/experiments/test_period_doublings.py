"""Period doublings beside those of the logistic map."""

import math

import mpmath
import numpy as np
import pytest

from abm.errors import InputError
from experiments.period_doublings import onset_of_chaos, period_doublings

FEIGENBAUM_POINT = 3.5699456718709449018  # where the logistic map's period doublings end


def test_the_period_doublings_are_the_logistic_maps_to_a_millionth_and_better():
    found = period_doublings(8)
    assert found[:2] == pytest.approx([3.0, 1 + math.sqrt(6)], abs=1e-12)
    for n in range(2, 6):  # in thirty digits, and in the logistic map itself: a cycle of 2ⁿ with a multiplier of −1

        def conditions(y, r, length=2**n):
            end, slope = y, mpmath.mpf(1)
            for _ in range(length):
                slope *= r * (1 - 2 * end)
                end = r * end * (1 - end)
            return end - y, slope + 1

        with mpmath.workdps(30):
            r = mpmath.mpf(found[n]) - mpmath.mpf(10) ** -7
            y = mpmath.mpf(1) / 2
            for _ in range(20_000):
                y = r * y * (1 - y)
            _, exact = mpmath.findroot(conditions, (y, r))
        assert found[n] == pytest.approx(float(exact), abs=1e-11)
    ratios = np.diff(found)[:-1] / np.diff(found)[1:]
    assert ratios[-1] == pytest.approx(4.669201609, abs=1e-3)
    with pytest.raises(InputError, match=r"count = 13 is outside \[1, 12\]"):
        period_doublings(13)


def test_chaos_begins_at_the_feigenbaum_point():
    assert onset_of_chaos() == pytest.approx(FEIGENBAUM_POINT, abs=1e-10)
