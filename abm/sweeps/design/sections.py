"""Files with sections, as designs and specifications of calibrations are: how their keys and values are checked.

A refusal raises `InputError` with the section, the key, the value and what is allowed.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_args

from pydantic import PlainValidator, ValidationInfo

from abm.errors import InputError, shown
from abm.scenario.fields import CheckedModel, composed
from abm.scenario.flat_names import unknown
from abm.scenario.parameters import Parameter
from abm.scenario.scenario import Scenario
from abm.simulation.simulate import check_count
from abm.sweeps.design.factors import check_one_of

MOST = 10_000_000  # the largest number of points, of replications and of whatever else is counted


@contextmanager
def within(label: str) -> Iterator[None]:
    """Put a label before the message of an InputError.

    Examples
    --------
    >>> with within("[replications]"):
    ...     raise InputError("count = 0 is not an integer of at least 1")
    Traceback (most recent call last):
    abm.errors.InputError: [replications] count = 0 is not an integer of at least 1
    """
    try:
        yield
    except InputError as problem:
        raise InputError(f"{label} {problem}") from None


def check_table(value: Any, info: ValidationInfo) -> dict[str, Any]:
    """A table of a file, or a refusal."""
    if not isinstance(value, dict):
        raise InputError(f"[{info.field_name}] is {shown(value)}, not a table of keys and values")
    return value


def section(kind: type[CheckedModel]) -> PlainValidator:
    """A field that is read as a section of a file."""

    def check(value: Any, info: ValidationInfo) -> CheckedModel:
        table = check_table(value, info)
        with within(f"[{info.field_name}]"):
            return kind(**table)

    return PlainValidator(check)


def text_of(allowed: str) -> PlainValidator:
    """A field that is a text; `allowed` ends the message about any other value."""

    def check(value: Any, info: ValidationInfo) -> str:
        if not isinstance(value, str):
            raise InputError(f"{info.field_name}: {shown(value)} is {allowed}")
        return value

    return PlainValidator(check)


def one_of(allowed: tuple[str, ...]) -> PlainValidator:
    """A field that is one of some words."""
    return PlainValidator(lambda value, info: check_one_of(value, info.field_name, allowed))


def count_from(least: int, most: int = MOST) -> PlainValidator:
    """A field that is an integer in [least, most]."""

    def check(value: Any, info: ValidationInfo) -> int:
        if check_count(value, info.field_name, least) > most:
            raise InputError(f"{info.field_name} = {shown(value)} is above {most}")
        return value

    return PlainValidator(check)


class SectionedFile(CheckedModel):
    """A file of which some keys are sections; it names a scenario."""

    @classmethod
    def _unknown(cls, key: str) -> str:
        homes = [f"[{name}]" for name, kind in cls._sections() if key in kind.model_fields]
        return f" (it belongs in {' or '.join(homes)})" if homes else super()._unknown(key)

    @classmethod
    def _missing(cls, key: str) -> str:
        return f"{key}: it is missing; give a path to a TOML file or one of {', '.join(Scenario.bundled())}"

    @classmethod
    def _sections(cls) -> Iterator[tuple[str, type[CheckedModel]]]:
        for name, field in cls.model_fields.items():
            for kind in (field.annotation, *get_args(field.annotation)):
                if isinstance(kind, type) and issubclass(kind, CheckedModel):
                    yield name, kind


def by_parameter(table: Mapping[str, Any], known: Mapping[str, Parameter]) -> dict[str, Any]:
    """The values of a section by parameter, whether TOML read a dotted name as one key or as nested tables.

    Examples
    --------
    >>> by_parameter({"sectors": {"market": {"demand_growth": 0.1}}, "churn": 0.5}, Scenario().settable())
    {'sectors.market.demand_growth': 0.1, 'churn': 0.5}
    """
    found = {}
    for name, value in _leaves(table, known, ""):
        if name in found:
            raise InputError(f"{name} is there twice")
        found[name] = value
    return found


def _leaves(table: Mapping[str, Any], known: Mapping[str, Parameter], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = composed(prefix + key)
        if name in known:
            yield name, value
        elif isinstance(value, dict) and any(each.startswith(f"{name}.") for each in known):
            yield from _leaves(value, known, f"{name}.")
        else:
            raise InputError(unknown(name, known))
