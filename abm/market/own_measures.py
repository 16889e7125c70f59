"""Measures of the user's own: functions of the living firms' columns, compiled and called by their addresses.

They stand behind the built-in measures in the market's row of a step; rows of sectors have NaN there.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from abm.errors import InputError
from abm.market.firms import FIRM
from abm.market.sums import SUM
from abm.market.user_functions import compiled
from abm.numerics.compilation import kernel, part
from abm.scenario.rules import UserFunction


class MeasuredFirms(NamedTuple):
    """The living firms in the order of their slots, arrays of float64; sectors and strategies are their places."""

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
    memory: np.ndarray
    T0: np.ndarray
    C0: np.ndarray
    R0: np.ndarray
    k1: np.ndarray
    k2: np.ndarray
    k3: np.ndarray
    strategy: np.ndarray
    id: np.ndarray
    sector: np.ndarray


_COLUMNS = len(MeasuredFirms._fields)
_ROWS = FIRM.id + 1  # of State.firms, which the columns before `sector` are, in their order
_COLUMN = types.Array(types.float64, 1, "C", readonly=True)  # all measures of a step see one table
_SEEN = (types.NamedUniTuple(_COLUMN, _COLUMNS, MeasuredFirms),)


@intrinsic
def _call(context, address, table):
    """A measure by the function at an address, of a table of firms; and 1 if the function raised."""
    double, results = ir.DoubleType(), types.UniTuple(types.float64, 2)

    def build(context, builder, signature, args):
        firms = make_array(signature.args[1])(context, builder, args[1])
        outputs = cgutils.alloca_once(builder, double, size=2)
        count = cgutils.unpack_tuple(builder, firms.shape)[1]
        pointer = double.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, ir.IntType(64), pointer])
        function = builder.inttoptr(args[0], kind.as_pointer())
        builder.call(function, [builder.bitcast(firms.data, pointer), count, outputs])
        found = [builder.load(builder.gep(outputs, [ir.Constant(ir.IntType(32), place)])) for place in range(2)]
        return context.make_tuple(builder, results, found)

    return results(types.int64, types.Array(types.float64, 2, "C")), build


@part
def _living(state):
    """The living firms, a column of `MeasuredFirms` a row."""
    table, n = np.empty((_COLUMNS, int(state.sums[-1, SUM.N]))), 0
    for place in range(state.blocks.size):
        block = state.blocks[place]
        for i in range(block.start, block.stop):
            if state.firms[FIRM.B, i] > 0.0:
                for row in range(_ROWS):
                    table[row, n] = state.firms[row, i]
                table[_ROWS, n] = block.sector
                n += 1
    return table


@kernel
def fill_own(state, measures, row):
    """Fill the last places of the market's row; a measure that raises an error halts the run.

    Parameters
    ----------
    state : State
    measures : int64 array, shape (own measures,)
        Addresses.
    row : float64 array, shape (measures,)
    """
    if measures.size == 0 or state.sums[-1, SUM.N] == 0.0:
        return
    table = _living(state)
    for place in range(measures.size):
        value, raised = _call(measures[place], table)
        row[row.size - measures.size + place] = value
        if raised > 0.0:
            state.counters[0].halted = -1 - place
            return


# By a Python function, or by the text of a file and a name; kept as long as the process, as addresses point into them.
_compiled: dict[Any, Callable] = {}


def measure_addresses(measures: Mapping[str, Callable | UserFunction]) -> np.ndarray:
    """The addresses of measures, compiled when they are first asked for; int64, shape (measures,).

    Raises
    ------
    InputError
        If one is not a function that can be compiled and gives a number.
    """
    found = []
    for name, function in measures.items():
        key = (function.source, function.name) if isinstance(function, UserFunction) else function
        if key not in _compiled:
            _compiled[key] = _compile(name, function)
        found.append(_compiled[key].address)
    return np.array(found, dtype=np.int64)


def _compile(name: str, function: Callable | UserFunction) -> Callable:
    measure, returned = compiled(function, f"measure {name}", ("firms",), _SEEN)
    if not isinstance(returned, types.Number | types.Boolean) or isinstance(returned, types.Complex):
        raise InputError(f"measure {name}: it returns {returned}; due is a number")
    return _as_c(measure)


@intrinsic
def _read_only(context, table):
    """The same array, which cannot be written to."""

    def build(context, builder, signature, args):
        return impl_ret_borrowed(context, builder, signature.return_type, args[0])

    return table.copy(readonly=True)(table), build


def _as_c(measure: Callable) -> Callable:
    """The function with its table and its results behind pointers: the measure, and 1 if it raised."""
    pointer = types.CPointer(types.float64)

    @cfunc(types.void(pointer, types.int64, pointer), nopython=True)
    def call(data, count, results):
        t = _read_only(carray(data, (_COLUMNS, count)))
        out = carray(results, 2)
        out[0], out[1] = math.nan, 1.0
        # fmt: off
        firms = MeasuredFirms(
            t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], t[8], t[9], t[10], t[11], t[12], t[13], t[14], t[15], t[16],
            t[17], t[18], t[19], t[20], t[21],
        )
        # fmt: on
        try:
            out[0] = measure(firms)
            out[1] = 0.0
        except Exception:  # noqa: BLE001 - told by the caller, since C knows no exceptions
            out[0] = math.nan

    return call
