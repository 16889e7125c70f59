"""Where threads inside compiled calls wait for each other.

A barrier is one counter in memory that all of them raise by one on arrival: the n-th time, all may go on once it stands
at n times their number. A thread that waits looks at the counter for about as long as a phase of a small market takes,
then lets others use its core between two looks, so that it does no harm where cores are short.
"""

import ctypes
import os

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from abm.numerics.compilation import inlined

LOOKS = 4_000  # looks at the counter before a thread lets others use its core, some microseconds

_YIELD = "abm_let_others_run"


def _address_of_yield() -> int:
    """The address of the system's function that lets other threads run."""
    library = ctypes.windll.kernel32 if os.name == "nt" else ctypes.CDLL(None)
    function = library.SwitchToThread if os.name == "nt" else library.sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value


binding.add_symbol(_YIELD, _address_of_yield())


def new_barrier() -> np.ndarray:
    """The counter of a barrier; int64, shape (1,)."""
    return np.zeros(1, dtype=np.int64)


def _counter(context, builder, signature, args):
    return make_array(signature.args[0])(context, builder, args[0]).data


@intrinsic
def _arrive(typing, barrier):
    """Raise the counter by one."""

    def generate(context, builder, signature, args):
        one = ir.Constant(ir.IntType(64), 1)
        builder.atomic_rmw("add", _counter(context, builder, signature, args), one, "seq_cst")
        return context.get_dummy_value()

    return types.void(barrier), generate


@intrinsic
def _arrived(typing, barrier):
    """The counter as it stands."""

    def generate(context, builder, signature, args):
        return builder.load_atomic(_counter(context, builder, signature, args), "seq_cst", 8)

    return types.int64(barrier), generate


@intrinsic
def _let_others_run(typing):
    def generate(context, builder, signature, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, _YIELD), [])
        return context.get_dummy_value()

    return types.void(), generate


@inlined
def wait_for_all(barrier, threads, times):
    """Wait until all threads have come here; returns how often they have met, given how often they had before."""
    if threads > 1:
        _arrive(barrier)
        looks = 0
        while _arrived(barrier) < (times + 1) * threads:
            looks += 1
            if looks > LOOKS:
                _let_others_run()
    return times + 1


def give_up(barrier: np.ndarray) -> None:
    """Let all threads pass from now on, since one of them will never come."""
    barrier[0] = np.iinfo(np.int64).max // 2
