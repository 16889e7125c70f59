"""Functions of the user's own, as rules, measures and interventions are: their file is run, and numba compiles them."""

import inspect
import os
import re
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from numba import njit
from numba.core.errors import NumbaError, UnsupportedBytecodeError
from numba.core.ir import Loc

from abm.errors import InputError, shown
from abm.scenario.rules import UserFunction

# What a file of the user's is called while it is run: no module has the name, and it has no dot, since numba imports
# the module that a function says it is of.
_MODULE = "<user_file>"


def user_function(function: UserFunction) -> Callable:
    """A function of the user's as Python knows it: its file is run to define it.

    Raises
    ------
    InputError
        If the file raises anything, or leaves something else under the name.
    """
    namespace: dict = {"__name__": _MODULE, "__file__": function.file}
    try:
        exec(compile(function.source, function.file, "exec"), namespace)
    except KeyboardInterrupt:
        raise
    except BaseException as problem:  # noqa: BLE001 - whatever the user's file raises, SystemExit too
        line = _line_of(problem, function.file)
        raise InputError(f"{function}{line}: {type(problem).__name__}: {_joined(str(problem))}") from None
    found = namespace.get(function.name)
    found = getattr(found, "py_func", found)
    if not callable(found):
        left = shown(found) if function.name in namespace else "deleted"
        raise InputError(f"{function}: at the end of its file {function.name} is {left}, not a function")
    return found


def _line_of(problem: BaseException, file: str) -> str:
    lines = [trace.tb_lineno for trace in _traces(problem) if trace.tb_frame.f_code.co_filename == file]
    return f", line {lines[-1]}" if lines else ""


def _traces(problem: BaseException) -> Iterator[Any]:
    trace = problem.__traceback__
    while trace is not None:
        yield trace
        trace = trace.tb_next


def compiled(function: Any, label: str, arguments: tuple[str, ...], seen: tuple) -> tuple[Callable, Any]:
    """A function compiled for the types that it is called with, and the type of what it returns.

    Parameters
    ----------
    function : FunctionType, UserFunction or what numba made of one
    label : str
        What stands before a message.
    arguments : tuple of str
        What it is called with; it must take these and no others.
    seen : tuple of numba types
        Of the arguments.

    Raises
    ------
    InputError
        If it is no such function, or numba cannot compile it.
    """
    plain = user_function(function) if isinstance(function, UserFunction) else getattr(function, "py_func", function)
    called = f"({', '.join(arguments)})"
    if not isinstance(plain, FunctionType):
        raise InputError(f"{label}: {shown(plain)} is not a function of {called} made by def or lambda")
    code = plain.__code__
    flexible = code.co_kwonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    if code.co_argcount != len(arguments) or flexible:
        where = f"{code.co_filename}, line {code.co_firstlineno}: {plain.__name__}"
        raise InputError(f"{label}: {where} takes {inspect.signature(plain)}; it is called with {called}")
    made = njit(error_model="numpy", nogil=True)(plain)
    try:
        made.compile(seen)
    except Exception as problem:  # noqa: BLE001 - numba raises errors of many kinds on what it cannot compile
        raise InputError(f"{label}: it cannot be compiled: {_reason(problem, code)}") from None
    return made, made.overloads[seen].signature.return_type


_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NOISE = re.compile(r"Failed in|- Resolution failure|During: |File |<source|^\^|^-+$|^def |^@|^\s*$")
_ARGUMENTS = re.compile(r"(RuleFirm|RuleSector|MeasuredFirms)\(([^()]|\([^()]*\))*\)")  # with the types of all fields
_WRITTEN = "NumbaTypeError: Cannot modify readonly array"  # told deep within what did not match
_RAISED_FROM = re.compile(r"\.* Raised from (.*)$")


def _reason(problem: Exception, code: CodeType) -> str:
    """Why numba did not compile a user's function, in one line with the line of its file."""
    lines = [line.strip() for line in _COLOURS.sub("", str(problem)).splitlines()]
    told = [line for line in lines if not _NOISE.match(line)]
    told = [line.partition("NumbaTypeError: ")[2] for line in told if _WRITTEN in line] or told
    first = " ".join(
        told[:2] if told[1:] and told[1].startswith(">>> ") else told[:1]
    )  # >>>: what was called with what
    first = _RAISED_FROM.sub("", _ARGUMENTS.sub(r"\1", first)).rstrip(":").replace(">>> ", "")
    if not isinstance(problem, NumbaError | UnsupportedBytecodeError) or not first:
        first = f"{type(problem).__name__}: {first}".removesuffix(": ")
    return f"{first} ({code.co_filename}, line {_line_told(problem, code)})"


def _line_told(problem: Exception, code: CodeType) -> int:
    """The line of the user's file that numba tells, or else the one that it was at."""
    file, text = os.path.abspath(code.co_filename), _COLOURS.sub("", str(problem))
    for told in (r'File "([^"\n]+)", line (\d+)', r"Raised from (.+) \((\d+)\)"):
        lines = [int(line) for name, line in re.findall(told, text) if os.path.abspath(name) == file]
        if lines:
            return lines[-1]
    for trace in reversed([*_traces(problem)]):
        values = trace.tb_frame.f_locals.copy().values()
        places = [value if isinstance(value, Loc) else getattr(value, "loc", None) for value in values]
        lines = [each.line for each in places if isinstance(each, Loc) and each.filename == code.co_filename]
        if lines:
            return max(lines)
    return code.co_firstlineno


def _joined(text: str) -> str:
    return " ".join(text.split())
