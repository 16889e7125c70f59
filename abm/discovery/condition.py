"""A condition on outcomes as a user writes it: checked name by name, then evaluated by pandas' query."""

import ast
import keyword
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.comparison.inputs.outcomes import is_text, with_none
from abm.errors import InputError, nearest, shown

if TYPE_CHECKING:
    import pandas as pd

MOST, DEEPEST = 1000, 20  # letters of a condition, and how deep it is nested
_NOUNS = {
    "structure == 'monopoly'": "monopolies",
    "structure == 'oligopoly'": "oligopolies",
    "structure == 'moderate'": "moderately concentrated markets",
    "structure == 'fragmented'": "fragmented markets",
    "structure == 'collapsed'": "collapsed markets",
}  # fmt: skip
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`([^`]*)`")
_SIGNS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
# What is refused, by what a user calls it.
_REFUSED = {
    ast.Call: "calls",
    ast.Attribute: "attributes",
    ast.Subscript: "subscripts",
    ast.IfExp: "if and else",
    ast.Lambda: "functions",
    ast.NamedExpr: "assignments",
    ast.JoinedStr: "f-strings",
}


@dataclass(frozen=True)
class Condition:
    """A checked condition; `read` makes one.

    Attributes
    ----------
    text : str
        As it was written.
    names : tuple of str
        The outcomes that it names.
    hints : tuple of str
        A sentence for each word that no run has.
    """

    text: str
    names: tuple[str, ...]
    hints: tuple[str, ...]
    _expression: str

    @property
    def noun(self) -> str:
        """What runs that meet the condition are called; empty where only the condition itself says it."""
        return noun_of(self.text)

    @staticmethod
    def read(text: str, outcomes: "pd.DataFrame", factors: tuple[str, ...] = ()) -> "Condition":
        """A condition of names of outcomes, numbers, words, comparisons, in, and, or, not.

        Parameters
        ----------
        text : str
            A name that is no word of Python stands between backticks.
        outcomes : DataFrame
            A row a run, a column an outcome.
        factors : tuple of str
            Which a condition cannot name: they are what is searched.

        Raises
        ------
        InputError
            For anything else, an unknown name, or a text compared with a number.

        Examples
        --------
        >>> import pandas as pd
        >>> runs = pd.DataFrame({"hhi": [900.0, 7000.0], "structure": ["fragmented", "monopoly"]})
        >>> Condition.read("structure == 'monopoly' and hhi > 6400", runs).met(runs)
        (array([False,  True]), array([ True,  True]))
        >>> Condition.read("hhl > 6400", runs)
        Traceback (most recent call last):
        abm.errors.InputError: condition 'hhl > 6400': unknown outcome 'hhl' (did you mean 'hhi'?)
        """
        reader = _Reader(text, outcomes, factors)
        tree = reader.tree()
        expression = ast.unparse(ast.fix_missing_locations(tree))
        return Condition(text, tuple(reader.used), tuple(dict.fromkeys(reader.hints)), expression)

    def met(self, outcomes: "pd.DataFrame") -> tuple[np.ndarray, np.ndarray]:
        """Which runs meet the condition, and for which runs that is known: no number that it names is missing.

        Parameters
        ----------
        outcomes : DataFrame
            A row a run, a column an outcome; a missing text is the word none.

        Returns
        -------
        met, known : bool array, shape (runs,)
        """
        import pandas as pd

        columns, known = {}, np.ones(len(outcomes), dtype=bool)
        for index, name in enumerate(self.names):
            column = outcomes[name].reset_index(drop=True)
            if is_text(column):
                columns[_placed(index)] = with_none(column).astype(str)
                continue
            known &= column.notna().to_numpy()
            plain = bool if pd.api.types.is_bool_dtype(column) else np.float64
            columns[_placed(index)] = column.fillna(False if plain is bool else np.nan).astype(plain)
        rows = pd.DataFrame(columns).query(self._expression, engine="python").index
        met = np.zeros(len(outcomes), dtype=bool)
        met[rows] = True
        return met & known, known


def noun_of(text: str) -> str:
    """What runs that meet a condition are called; empty where only the condition itself says it.

    Examples
    --------
    >>> noun_of('structure == "monopoly"'), noun_of("hhi > 2500")
    ('monopolies', '')
    """
    return _NOUNS.get(" ".join(text.replace('"', "'").split()), "")


def beyond(given: str, sign: str, outcomes: "pd.DataFrame") -> str:
    """The condition of `--above` or `--below OUTCOME=VALUE`.

    Examples
    --------
    >>> import pandas as pd
    >>> beyond("hhi=2500", ">", pd.DataFrame({"hhi": [900.0]}))
    'hhi > 2500'
    """
    option = f"{'above' if sign == '>' else 'below'} {shown(given)}"
    name, equals, value = str(given).rpartition("=")
    if not equals:
        raise InputError(f"{option} is not OUTCOME=VALUE")
    if name not in outcomes:
        raise InputError(f"{option}: unknown outcome {name!r}{nearest(name, outcomes)}")
    if is_text(outcomes[name]):
        raise InputError(f"{option}: {name} is a text, not a number; --where \"{name} == 'WORD'\" takes texts")
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if number != number:
        raise InputError(f"{option}: {shown(value)} is not a number")
    called = name if name.isidentifier() and not keyword.iskeyword(name) else f"`{name}`"
    return f"{called} {sign} {f'{number:g}' if float(f'{number:g}') == number else repr(number)}"


def _placed(index: int) -> str:
    """The name of a column in the expression."""
    return f"outcome_{index}"


class _Reader:
    """Reads one condition: every node of its syntax tree is allowed by name, or refused."""

    def __init__(self, text: Any, outcomes: "pd.DataFrame", factors: tuple[str, ...]) -> None:
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"condition {shown(text)} is not a text such as \"structure == 'monopoly'\"")
        if len(text) > MOST:
            raise InputError(f"condition {shown(text)} has {len(text):,} letters, of which {MOST:,} are allowed")
        self.text, self.outcomes, self.factors = text, outcomes, factors
        self.quoted: dict[str, str] = {}
        self.used: dict[str, int] = {}
        self.hints: list[str] = []
        self.names = {unicodedata.normalize("NFKC", name): name for name in outcomes}

    def refuse(self, why: str) -> InputError:
        return InputError(f"condition {shown(self.text)}: {why}")

    def tree(self) -> ast.expr:
        """The whole condition, with the names that the expression knows."""
        text = _QUOTED.sub(self._unquoted, self.text)
        bare = _QUOTED.sub("", text)
        if "`" in bare:
            raise self.refuse("a backtick is not closed")
        if "@" in bare:
            raise self.refuse("@ is not allowed")
        try:
            body = ast.parse(text.strip().replace("\n", " "), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
            raise self.refuse(f"cannot be read ({getattr(problem, 'msg', None) or problem})") from None
        return self.truth(body)

    def _unquoted(self, match: re.Match) -> str:
        """A name between backticks as one that Python can read; texts as they are."""
        if match[1] is None:
            return match[0]
        self.quoted[name := f"quoted_name_{len(self.quoted)}_"] = match[1]
        return name

    def truth(self, node: ast.expr, depth: int = 0) -> ast.expr:
        """What is true or false of a run."""
        if depth > DEEPEST:
            raise self.refuse(f"and, or, not lie in each other more than {DEEPEST} deep")
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(node.op, [self.truth(each, depth + 1) for each in node.values])
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ast.UnaryOp(node.op, self.truth(node.operand, depth + 1))
        if isinstance(node, ast.Compare):
            return self.compared(node)
        if isinstance(node, ast.Name):
            kind, name = self.column(node)
            if kind != "truth":
                raise self.refuse(f"{self.called(node)} is no condition by itself; compare it with a value")
            return name
        raise self.refused(node)

    def compared(self, node: ast.Compare) -> ast.Compare:
        """One comparison, or several in a chain."""
        parts = [node.left, *node.comparators]
        if any(isinstance(sign, ast.In | ast.NotIn) for sign in node.ops):
            return self.listed(node)
        if any(not isinstance(sign, _SIGNS) for sign in node.ops):
            raise self.refuse("is and is not are not allowed; write == or !=")
        read = [self.operand(part) for part in parts]
        if not any(isinstance(part, ast.Name) for part in parts):
            raise self.refuse(f"{ast.unparse(node)} names no outcome")
        for index, sign in enumerate(node.ops):
            (one, _), (other, _) = read[index : index + 2]
            names = [self.called(part) for part in parts[index : index + 2]]
            if one != other:
                raise self.refuse(f"{names[0]} is a {one} and {names[1]} a {other}, which cannot be compared")
            if one != "number" and not isinstance(sign, ast.Eq | ast.NotEq):
                raise self.refuse(f"{names[0]} is a {one}, which can only be equal (==) or not (!=)")
            self.look_up(parts[index], parts[index + 1])
        return ast.Compare(read[0][1], node.ops, [each for _, each in read[1:]])

    def listed(self, node: ast.Compare) -> ast.Compare:
        """An outcome that is in a list of values, or not in it."""
        values = node.comparators[0]
        if len(node.ops) > 1 or not isinstance(node.left, ast.Name) or not isinstance(values, ast.List | ast.Tuple):
            raise self.refuse("in stands between an outcome and a list, as in winner in ['fast', 'slow']")
        if not values.elts:
            raise self.refuse("the list behind in is empty")
        kind, name = self.column(node.left)
        read = [self.operand(each) for each in values.elts]
        for each, (other, _) in zip(values.elts, read):
            if isinstance(each, ast.Name) or other != kind:
                raise self.refuse(f"{self.called(node.left)} is a {kind}, and {self.called(each)} in its list is none")
            self.look_up(node.left, each)
        return ast.Compare(name, node.ops, [ast.List([each for _, each in read], ast.Load())])

    def operand(self, node: ast.expr) -> tuple[str, ast.expr]:
        """The kind of a name or a constant, and the node that stands for it."""
        if isinstance(node, ast.Name):
            return self.column(node)
        sign = 1.0
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
            node = node.operand
            if not isinstance(node, ast.Constant) or isinstance(node.value, bool | str):
                raise self.refuse("arithmetic is not allowed")
        if not isinstance(node, ast.Constant):
            raise self.refused(node)
        if isinstance(node.value, bool):
            return "truth", ast.Constant(node.value)
        if isinstance(node.value, str):
            return "text", ast.Constant(node.value)
        if isinstance(node.value, int | float):
            try:
                return "number", ast.Constant(sign * float(node.value))
            except OverflowError:
                raise self.refuse("a number is too large") from None
        raise self.refuse(f"{shown(node.value)} is no number and no text")

    def column(self, node: ast.Name) -> tuple[str, ast.Name]:
        """The kind of an outcome, and the name by which the expression knows it."""
        import pandas as pd

        given = self.called(node)
        name = given if given in self.outcomes else self.names.get(unicodedata.normalize("NFKC", given), given)
        if name not in self.outcomes:
            if name in self.factors:
                raise self.refuse(f"{name} is a factor, which is searched; a condition is on outcomes")
            raise self.refuse(f"unknown outcome {name!r}{nearest(name, self.outcomes)}")
        column = self.outcomes[name]
        kind = "text" if is_text(column) else "truth" if pd.api.types.is_bool_dtype(column) else "number"
        return kind, ast.Name(_placed(self.used.setdefault(name, len(self.used))), ast.Load())

    def called(self, node: ast.expr) -> str:
        """A name or a value as the user wrote it."""
        return self.quoted.get(node.id, node.id) if isinstance(node, ast.Name) else ast.unparse(node)

    def look_up(self, one: ast.expr, other: ast.expr) -> None:
        """Add a hint for a word that no run has in the outcome that it is compared with."""
        for name, value in ((one, other), (other, one)):
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                column = self.called(name)
                found = with_none(self.outcomes[self.names.get(unicodedata.normalize("NFKC", column), column)])
                words = found.astype(str).unique().tolist()
                if value.value not in words:
                    self.hints.append(f"No run has {column} {value.value!r}{nearest(value.value, words)}.")

    def refused(self, node: ast.expr) -> InputError:
        if isinstance(node, ast.Attribute) and (dotted := ast.unparse(node)) in self.outcomes:
            return self.refuse(f"a name with dots stands between backticks: `{dotted}`")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr):
            return self.refuse("& and | are not allowed; write and, or")
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return self.refuse("~ is not allowed; write not")
        if isinstance(node, ast.BinOp | ast.UnaryOp):
            return self.refuse("arithmetic is not allowed")
        what = next((words for kind, words in _REFUSED.items() if isinstance(node, kind)), None)
        if what is None:
            return self.refuse(f"{shown(ast.unparse(node))} is no comparison of an outcome")
        return self.refuse(f"{what} are not allowed; it is made of outcomes, values, comparisons, in, and, or, not")


def joined(parts: Mapping[str, str]) -> str:
    """Several conditions as one, of which all must hold.

    Examples
    --------
    >>> joined({"where": "hhi > 1 or cr4 > 0.5", "above": "hhi > 2"})
    '(hhi > 1 or cr4 > 0.5) and (hhi > 2)'
    """
    given = list(parts.values())
    return given[0] if len(given) == 1 else " and ".join(f"({each})" for each in given)
