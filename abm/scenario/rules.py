"""Rules of the user's own: what `policy = "FILE.py:NAME"` names, and the text of its file.

Nothing here runs the file; `abm.market.rules` compiles a rule when a market is made that follows it.
"""

import ast
import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from abm.errors import InputError, nearest

ARGUMENTS = ("firm", "sector", "draw")
_FORM = re.compile(r"(?P<file>.*\S\.py):(?P<name>[^\W\d]\w*)")


class UserFunction(str):
    """A text `FILE.py:NAME` that knows the text of its file, which travels with it.

    Without the text, as it comes from a folder of results, it is a name that can be read and compared, but not run.

    Examples
    --------
    >>> rule = UserFunction("rules.py:greedy", "def greedy(firm, sector, draw): return 0.9, 0.5, 0.0")
    >>> rule, rule.name, rule.label
    ('rules.py:greedy', 'greedy', 'rules.py:greedy')
    """

    source: str | None

    def __new__(cls, text: str, source: str | None = None) -> "UserFunction":
        made = super().__new__(cls, text)
        made.source = source
        return made

    @property
    def file(self) -> str:
        """The path of the file, as it was written."""
        return self.rpartition(":")[0]

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.rpartition(":")[2]

    @property
    def label(self) -> str:
        """The name with the file's own, without its folder."""
        return f"{os.path.basename(self.file)}:{self.name}"

    @property
    def digest(self) -> str | None:
        """A hash of the file's text, where it is known."""
        return None if self.source is None else hashlib.sha256(self.source.encode()).hexdigest()

    @property
    def identity(self) -> str:
        """What a run that follows it is identified by."""
        return f"{self.name} of {self.digest}"

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) and (not isinstance(other, UserFunction) or self.source == other.source)

    __hash__ = str.__hash__


def is_function_name(text: object) -> bool:
    """Whether a value has the form FILE.py:NAME.

    Examples
    --------
    >>> is_function_name("rules.py:greedy"), is_function_name("adaptive"), is_function_name("rules.py")
    (True, False, False)
    """
    return isinstance(text, str) and _FORM.fullmatch(text) is not None


def read_function(
    text: str,
    folder: str | os.PathLike,
    arguments: tuple[str, ...],
    label: str = "policy",
    *,
    compiled: bool = True,
) -> UserFunction:
    """The function that a text FILE.py:NAME names, with the text of the file, which is read but not run.

    Parameters
    ----------
    text : str
    folder : path
        What a path of the text is relative to.
    arguments : tuple of str
        What the function is called with.
    label : str
        What stands before a message.
    compiled : bool
        Whether numba compiles it: then it takes these arguments and no others.

    Raises
    ------
    InputError
        If there is no such file, or in it no such function, or one of other arguments.
    """
    function = UserFunction(text)
    path, label = Path(folder, function.file), f"{label} = {text!r}"
    try:
        source = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{label}: {path} is not a text file in UTF-8") from None
    except OSError as problem:
        raise InputError(f"{label}: {path}: {problem.strerror}") from None
    except ValueError as problem:  # a path that no file can have
        raise InputError(f"{label}: {problem}") from None
    _check_source(source, function.name, arguments, label, path, compiled)
    return UserFunction(text, source)


def read_rules(values: Iterable[Any], folder: str | os.PathLike) -> dict[str, UserFunction]:
    """The rules of the user's own among some values, read from their files."""
    return {value: read_function(value, folder, ARGUMENTS) for value in values if is_function_name(value)}


def with_rules(values: dict[str, Any], folder: str | os.PathLike | None) -> dict[str, Any]:
    """A scenario's values with the rules that its strategies name, read from a folder; None: named, not read."""
    strategies = values.get("strategies")
    if not isinstance(strategies, list):
        return values
    return values | {"strategies": [_with_rule(each, folder) for each in strategies]}


def _with_rule(strategy: Any, folder: str | os.PathLike | None) -> Any:
    policy = strategy.get("policy") if isinstance(strategy, dict) else None
    if not is_function_name(policy):
        return strategy
    return strategy | {"policy": UserFunction(policy) if folder is None else read_function(policy, folder, ARGUMENTS)}


def with_sources(values: Mapping[str, Any], rules: Mapping[str, UserFunction]) -> dict[str, Any]:
    """Values with the rules that some of them name; one that is not known stays a name, which cannot be run.

    Examples
    --------
    >>> with_sources({"churn": 0.2, "policy": "rules.py:greedy"}, {})["policy"].source is None
    True
    """
    return {
        name: rules.get(value, UserFunction(value)) if is_function_name(value) else value
        for name, value in values.items()
    }


def rules_of(scenario: Any) -> list[UserFunction]:
    """The rules of the user's own that a scenario's strategies follow, each once."""
    policies = [strategy.policy for strategy in scenario.strategies]
    return list(dict.fromkeys(policy for policy in policies if isinstance(policy, UserFunction)))


def _check_source(source: str, name: str, arguments: tuple[str, ...], label: str, path: Path, compiled: bool) -> None:
    try:
        tree = ast.parse(source)
    except SyntaxError as problem:
        raise InputError(f"{label}: {path}, line {problem.lineno}: {problem.msg}") from None
    except (ValueError, RecursionError) as problem:
        raise InputError(f"{label}: {path}: {problem}") from None
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in functions:
        raise InputError(f"{label}: {path} defines no function {name!r}{nearest(name, functions)}")
    taken = functions[name].args
    if not _takes(taken, len(arguments), compiled):
        raise InputError(
            f"{label}: {path}, line {functions[name].lineno}: {name} takes ({ast.unparse(taken)}); "
            f"it is called with ({', '.join(arguments)})"
        )


def _takes(taken: ast.arguments, count: int, compiled: bool) -> bool:
    """Whether a function of such arguments can be called with so many; a compiled one must have no others."""
    most = len(taken.posonlyargs) + len(taken.args)
    if compiled:
        return most == count and not (taken.vararg or taken.kwarg or taken.kwonlyargs)
    required = any(default is None for default in taken.kw_defaults)
    return most - len(taken.defaults) <= count and (most >= count or taken.vararg is not None) and not required
