"""Which versions of numba compile the kernels, and what is said of one that does not.

Lanes rest on numba's interface for extensions, parts of which it may change in any release.
"""

import numba

from abm.errors import Stopped

# The first and the newest version that the tests of lanes were run with; .ci/numba runs them with both ends of what
# pip serves.
TESTED = "0.61", "0.68"


def unusable(problem: Exception) -> Stopped:
    """What is raised where numba does not compile lanes: one line.

    Examples
    --------
    >>> str(unusable(ValueError("no vectors")))[-93:]
    'does not compile what kernels calculate with (no vectors); versions 0.61 to 0.68 are known to'
    """
    reason = next(iter(str(problem).splitlines()), type(problem).__name__)
    return Stopped(
        f"numba {numba.__version__} does not compile what kernels calculate with ({reason}); versions {TESTED[0]} to "
        f"{TESTED[1]} are known to"
    )
