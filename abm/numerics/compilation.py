"""How the kernels are compiled, and where the compiled code is kept.

Numba takes a kernel from its cache as long as the file of that one function is unchanged; an edit in a module whose
functions are inlined into it would go unseen. So the cache folder's name holds a hash of all files of `abm/market` and
`abm/numerics`, of the equations and of the table of parameters.
Cached code of several processes is told apart by the functions' names: two compiled functions must not share one, as
those do that one factory makes, or a kernel may silently call the other.
"""

import contextlib
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numba
from numba import njit
from numba.core.registry import cpu_target
from numba.extending import overload, register_jitable

_PACKAGE = Path(__file__).parents[1]
COLD_SECONDS = 60  # what compiling takes on a machine of 2024, roughly


def sources() -> list[Path]:
    """The files that compiled code depends on: kernels, the equations they call, and the table of parameters."""
    folders = [sorted((_PACKAGE / room).glob("*.py")) for room in ("market", "numerics")]
    return [*sum(folders, []), _PACKAGE / "equations.py", _PACKAGE / "scenario" / "parameters.py"]


def _candidates() -> Iterator[Path]:
    """Folders that may hold the cache, the best first."""
    if numba.config.CACHE_DIR:
        yield Path(numba.config.CACHE_DIR)
    # Beside the package only if need be: uninstalling it leaves the folder, which Python then takes for a package.
    with contextlib.suppress(RuntimeError):  # a user without a home
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "abm"
    yield _PACKAGE / "__pycache__"


def _writable_folder() -> Path | None:
    content = b"".join(file.read_bytes() for file in sources())
    # All that Numba does not share its cache between, so that what lies in the folder is for this very process: the
    # place of the package, the versions, and the processor, which differs between the nodes of a cluster.
    own = [os.fspath(_PACKAGE), sys.version, numba.__version__, *cpu_target.target_context.codegen().magic_tuple()]
    name = f"kernels-{hashlib.sha256(content + os.fsencode(chr(0).join(own))).hexdigest()[:16]}"
    for candidate in _candidates():
        with contextlib.suppress(OSError):
            folder = candidate / name
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return None  # numba then compiles in every process


CACHE_FOLDER = _writable_folder()


# In kernels functions need no entry for Python's or C's calls; to build those took a sixth of the time of compiling.
_IN_KERNELS = {"error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
# It counts no references to the arrays that it looks at, which would cost a small market a third of its time, and
# becomes part of its caller in any case: left to choose, the compiler does not take in a formula with logarithms, and
# then does not make vectors of the loop around it.
INLINED = _IN_KERNELS | {"_nrt": False, "forceinline": True}


def formula(function: Callable) -> Callable:
    """A formula that is compiled where a kernel calls it, and plain Python elsewhere, for numbers and for arrays."""
    return register_jitable(**INLINED)(function)


def inlined(function: Callable) -> Callable:
    """Compile a function that becomes part of the kernels that call it, and that makes no array."""
    return _for_kernels(function, INLINED)


def part(function: Callable) -> Callable:
    """Compile a function that kernels call and that stays a function of its own; it may make arrays."""
    return _for_kernels(function, _IN_KERNELS)


def _for_kernels(function: Callable, options: dict[str, Any]) -> Callable:
    """Compile a function without an entry for kernels, and once more, with one, if Python calls it."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        return _with_entry(function)(*arguments)

    @overload(called, jit_options=options, strict=False)
    def in_kernels(*_: Any, **__: Any) -> Callable:
        return function

    return called


@cache
def _with_entry(function: Callable) -> Callable:
    return njit(error_model="numpy")(function)


_kernels: list[Callable] = []  # that Python calls


def kernel(function: Callable) -> Callable:
    """Compile a function that Python calls: kept in the cache, and run without Python's global lock."""
    _kernels.append(function)
    if CACHE_FOLDER is None:
        return njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True)(function)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        return njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True)(function)
    finally:
        numba.config.CACHE_DIR = before


def is_cold() -> bool:
    """Whether one of the imported kernels is not in the cache yet, for this processor."""
    if CACHE_FOLDER is None:
        return True
    kept = {path.name.partition("-")[0] for path in CACHE_FOLDER.rglob("*.nbi")}
    return any(f"{each.__module__.rpartition('.')[2]}.{each.__qualname__}" not in kept for each in _kernels)
