"""Sectors and strategies, and what they have in common with a scenario: fields that the table of parameters makes.

A refusal raises `InputError` with one message that names the key, the value and what is allowed.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, create_model, field_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.parameters import MARKET, SECTOR, SECTOR_OWN, STRATEGY, Parameter
from abm.scenario.rules import ARGUMENTS, UserFunction, is_function_name, read_function

# What a name of a sector or strategy may not hold, since columns, `--set` and names of files are made from it.
_MARKS = "./\\="
_CONTROL = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of characters, ends of lines and paragraphs
_TYPES = {"int": int, "float": float, "choice": str}

# Where each parameter belongs, for keys that were put into the wrong table of a file.
_PLACES = (
    dict.fromkeys(("sectors", "strategies", "changes", *MARKET), "at the top level, before the first [[...]]")
    | dict.fromkeys(SECTOR, "in [[sectors]]")
    | dict.fromkeys(STRATEGY, "in [[strategies]]")
)


class CheckedModel(BaseModel):
    """A frozen model that raises `InputError` instead of pydantic's own errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Pydantic's would give names and values, and Mesa's `batch_run` takes what can be iterated for a list of values.
    __iter__ = None

    def __init__(self, /, **given: Any) -> None:
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise InputError(self._reason(error)) from None

    @classmethod
    def _reason(cls, error: ValidationError) -> str:
        problems = error.errors(include_url=False)
        # An unknown key first: a misspelt key that is required would otherwise be reported as missing.
        problem = next((each for each in problems if each["type"] == "extra_forbidden"), problems[0])
        if problem["type"] == "extra_forbidden":
            return f"unknown key {problem['loc'][0]!r}{cls._unknown(problem['loc'][0])}"
        if problem["type"] == "missing":
            return cls._missing(problem["loc"][0])
        return str(problem["ctx"]["error"])

    @classmethod
    def _unknown(cls, key: str) -> str:
        """What to say after an unknown key."""
        return nearest(key, cls.model_fields)

    @classmethod
    def _missing(cls, key: str) -> str:
        """What to say of a missing key."""
        return f"{key} is missing"


class Table(CheckedModel):
    """A named table of parameters: a scenario, a sector or a strategy."""

    name: str

    @classmethod
    def _unknown(cls, key: str) -> str:
        return f" (it belongs {_PLACES[key]})" if key in _PLACES else super()._unknown(key)

    @field_validator("name", mode="plain")
    @classmethod
    def _check_name(cls, name: Any) -> str:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"name = {shown(name)} is not a non-empty text")
        if name != name.strip():
            raise InputError(f"name = {shown(name)} begins or ends with a blank")
        for letter in name:
            if letter in _MARKS:
                raise InputError(
                    f"name = {shown(name)} holds {letter!r}; a name may hold no dot, slash, backslash or '='"
                )
            if unicodedata.category(letter) in _CONTROL:
                raise InputError(f"name = {shown(name)} holds a control character")
        return composed(name)


def composed(name: str) -> str:
    """A name with each letter as one character, however it was typed: é may be written as e and an accent.

    Examples
    --------
    >>> composed("e\N{COMBINING ACUTE ACCENT}") == "\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def table_of(table: Mapping[str, Parameter]) -> type[Table]:
    """A model whose fields are the parameters of one level, each checked by its row of the table."""

    def check(cls: type, value: Any, info: ValidationInfo) -> Any:
        return table[info.field_name].check(value)

    def default(parameter: Parameter) -> Any:
        if parameter.follows:
            return None  # filled in when the parameter that it follows is known
        return ... if parameter.default is None else parameter.default

    return create_model(
        "_Parameters",
        __base__=Table,
        __validators__={"_check": field_validator(*table, mode="plain")(check)},
        **{each.name: (_TYPES[each.kind], default(each)) for each in table.values()},
    )


class Sector(table_of(SECTOR | SECTOR_OWN)):
    """A part of the market with its own demand and its own customers.

    Takes `name`, `demand_share` and any other sector parameter as keywords, and `network_effect` and `churn`, which
    are None where the sector has the market's.

    Examples
    --------
    >>> Sector(name="enterprise", demand_share=0.3).quality_elasticity
    1.0
    """

    def has_own(self, key: str) -> bool:
        """Whether the sector sets a value of its own of what it would take from the market.

        Examples
        --------
        >>> Sector(name="enterprise", demand_share=0.3).has_own("churn")
        False
        """
        return getattr(self, key, None) is not None


class Strategy(table_of(STRATEGY)):
    """How a firm divides its effort, and how it revises that division.

    Takes `name`, `technology_weight` and any other strategy parameter as keywords.

    Examples
    --------
    >>> Strategy(name="technology_first", technology_weight=0.8).policy
    'fixed'
    """

    @field_validator("policy", mode="after")
    @classmethod
    def _read_rule(cls, policy: str) -> str:
        """A rule of the user's own with the text of its file, which is looked for where the process is."""
        if is_function_name(policy) and not isinstance(policy, UserFunction):
            return read_function(policy, "", ARGUMENTS)
        return policy


def values_of(member: Table) -> dict[str, Any]:
    """A member's values by name, without those that it leaves to the market.

    Examples
    --------
    >>> values_of(Sector(name="a", demand_share=1, churn=1))["churn"]
    1.0
    >>> "churn" in values_of(Sector(name="a", demand_share=1))
    False
    """
    return {name: value for name, value in vars(member).items() if value is not None}


def read_member(kind: type[Table], member: Any, where: str) -> Table:
    """A sector or strategy from its table; a refusal tells its place and its name."""
    if isinstance(member, kind):
        return member
    if not isinstance(member, Mapping):
        raise InputError(f"{where} = {shown(member)} is not a table of a {kind.__name__.lower()}'s values")
    try:
        return kind(**{str(key): value for key, value in member.items()})
    except InputError as problem:
        name = member.get("name")
        label = f'{where} "{name}"' if isinstance(name, str) and name.isprintable() and name else where
        raise InputError(f"{label}: {problem}") from None
