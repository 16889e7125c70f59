"""What a job needs of the environment of the process that submits it, which not every batch system passes on."""

import os
import shlex

from abm.errors import one_line

# Where kernels are kept, and what Python and its libraries are found by.
_CARRIED = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "PYTHONPATH", "LD_LIBRARY_PATH")


def exports() -> list[str]:
    """Lines of the shell that set the variables as they are here."""
    found = {name: os.environ[name] for name in _CARRIED if os.environ.get(name)}
    for name, value in found.items():
        one_line(name, value)
    return [f"export {name}={shlex.quote(value)}" for name, value in found.items()]
