"""Whether the numba that is here compiles what kernels calculate with."""

from functools import lru_cache

import numba
import numpy as np
from numba.core.errors import NumbaError

from abm.numerics.compilation import is_cold
from abm.numerics.lanes import first_lanes, get, put, total
from abm.numerics.numba_versions import unusable

# The sum of 0 to 7, of which 2·x + 1 takes the place of x where x is one of the first three and above 0.
DUE = 0.0 + 3.0 + 5.0 + 3.0 + 4.0 + 5.0 + 6.0 + 7.0


@lru_cache(maxsize=1)
def check_numba() -> None:
    """Before kernels are compiled, compile a little of what lanes need; where it fails, kernels fail with many lines.

    Raises
    ------
    Stopped
        If this version of numba does not compile it.
    """
    if is_cold():
        _compile_a_little()


def _compile_a_little() -> None:
    def sums(table):
        here = first_lanes(3)
        put(table, 0, 0, 2.0 * get(table, 0, 0) + 1.0, here & (get(table, 0, 0) > 0.0))
        return total(get(table, 0, 0))

    try:
        found = numba.njit(error_model="numpy")(sums)(np.arange(8.0).reshape(1, 8))
    except (NumbaError, AttributeError, RuntimeError, TypeError) as problem:
        raise unusable(problem) from None
    if found != DUE:
        raise unusable(ValueError(f"{found} where {DUE} is due"))
