"""Rules of the user's own in stage 7: a Python function is compiled once and called by its address.

Kernels know a rule as a number, its address, and call it as C would, so that they are the same code with and without
rules and need not be compiled anew for one. An address holds in its own process alone, which also keeps the code.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, types
from numba.core import cgutils
from numba.extending import intrinsic

from abm.errors import InputError
from abm.market.user_functions import compiled
from abm.scenario.rules import ARGUMENTS, UserFunction, rules_of
from abm.scenario.scenario import Scenario


class RuleFirm(NamedTuple):
    """What a rule sees of the firm that reviews; `share` is of its sector, `stress` of the step's end."""

    T: float
    C: float
    P: float
    R: float
    Q: float
    B: float
    F: float
    theta: float
    omega: float
    age: float
    R_smoothed: float
    R_reviewed: float
    memory: float
    T0: float
    C0: float
    R0: float
    k1: float
    k2: float
    k3: float
    share: float
    stress: float


class RuleSector(NamedTuple):
    """What a rule sees of the firm's sector, as it was at the step's start."""

    mean_T: float
    mean_R: float
    firms: float
    demand: float
    competitiveness_elasticity: float
    quality_elasticity: float


_GIVEN = len(RuleFirm._fields) + len(RuleSector._fields) + 1  # and a draw
_RESULTS = 3
_SEEN = (
    types.NamedUniTuple(types.float64, len(RuleFirm._fields), RuleFirm),
    types.NamedUniTuple(types.float64, len(RuleSector._fields), RuleSector),
    types.float64,
)


@intrinsic
def call_rule(context, address, given):
    """θ, ω and memory by the rule at an address, given the numbers of a firm, of its sector and a draw."""
    double = ir.DoubleType()
    results = types.UniTuple(types.float64, _RESULTS)

    def build(context, builder, signature, args):
        inputs = cgutils.alloca_once(builder, double, size=_GIVEN)
        outputs = cgutils.alloca_once(builder, double, size=_RESULTS)
        for place, value in enumerate(cgutils.unpack_tuple(builder, args[1], _GIVEN)):
            builder.store(value, builder.gep(inputs, [ir.Constant(ir.IntType(32), place)]))
        kind = ir.FunctionType(ir.VoidType(), [double.as_pointer(), double.as_pointer()])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [inputs, outputs])
        found = [builder.load(builder.gep(outputs, [ir.Constant(ir.IntType(32), place)])) for place in range(_RESULTS)]
        return context.make_tuple(builder, results, found)

    return results(types.int64, types.UniTuple(types.float64, _GIVEN)), build


_compiled: dict[tuple[str, str], Callable] = {}  # kept as long as the process, since addresses point into them


def rule_address(rule: UserFunction) -> int:
    """The address of a rule, compiled when it is first asked for in a process.

    Raises
    ------
    InputError
        If the text of its file is not known, or it cannot be compiled.
    """
    if rule.source is None:
        raise InputError(
            f"policy = {str(rule)!r}: a rule of a run's own is not run from a folder of results; save its text, which "
            "run.json holds under rules, beside a scenario of yours that names it, and run that one"
        )
    key = rule.source, rule.name
    if key not in _compiled:
        _compiled[key] = _compile(rule)
    return _compiled[key].address


def rule_addresses(scenario: Scenario) -> np.ndarray:
    """The address of each strategy's rule, 0 where the policy is none; int64, shape (strategies,)."""
    policies = [strategy.policy for strategy in scenario.strategies]
    found = [rule_address(policy) if isinstance(policy, UserFunction) else 0 for policy in policies]
    return np.array(found, dtype=np.int64)


def follows_rules(scenario: Scenario) -> bool:
    """Whether a strategy of a scenario follows a rule of the user's own."""
    return bool(rules_of(scenario))


def signs(directions: np.ndarray) -> np.ndarray:
    """Directions, ±1, where some may be the memory of a rule."""
    return np.where(directions < 0.0, -1.0, 1.0)


def _compile(rule: UserFunction) -> Callable:
    decide, returned = compiled(rule, f"policy = {str(rule)!r}", ARGUMENTS, _SEEN)
    _check_results(rule, returned)
    return _as_c(decide)


def _check_results(rule: UserFunction, found: types.Type) -> None:
    numbers = isinstance(found, types.BaseTuple) and all(
        isinstance(each, types.Number | types.Boolean) and not isinstance(each, types.Complex) for each in found
    )
    if not numbers or len(found) != _RESULTS:
        what = f"{len(found)} numbers" if numbers else str(found).replace("float64", "number")
        raise InputError(f"policy = {str(rule)!r}: it returns {what}; due are three numbers, (theta, omega, memory)")


def _as_c(decide: Callable) -> Callable:
    """The function with numbers behind two pointers; NaN where it raises."""
    pointer = types.CPointer(types.float64)

    @cfunc(types.void(pointer, pointer), nopython=True)
    def call(given, results):
        v = carray(given, _GIVEN)
        out = carray(results, _RESULTS)
        out[:] = math.nan
        # fmt: off
        firm = RuleFirm(
            v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13], v[14], v[15], v[16],
            v[17], v[18], v[19], v[20],
        )
        sector = RuleSector(v[21], v[22], v[23], v[24], v[25], v[26])
        # fmt: on
        try:
            theta, omega, memory = decide(firm, sector, v[27])
            out[0], out[1], out[2] = theta, omega, memory
        except Exception:  # noqa: BLE001 - told as a NaN is, since C knows no exceptions
            out[0] = math.nan

    return call
