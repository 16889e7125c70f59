"""A scenario: everything that defines a market, from a TOML file or from keywords, validated.

Names, defaults and ranges come from the table in `abm.scenario.parameters`. A refusal raises
`InputError` with one message that names the key, the value and what is allowed.
"""

import os
import re
import tomllib
import unicodedata
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.by_name import ByName
from abm.scenario.changes import Change, check_changes
from abm.scenario.fields import Sector, Strategy, read_member, table_of, values_of
from abm.scenario.flat_names import unknown
from abm.scenario.library import NamedText, bundled_names, find_text, reading
from abm.scenario.parameters import MARKET, PARAMETERS, SECTOR_OWN
from abm.scenario.rules import with_rules
from abm.scenario.texts import toml_lines, values_of_run

# The lists of a scenario: what their members are, and the weight that must not be 0 for all.
_LISTS = {"sectors": (Sector, "demand_share"), "strategies": (Strategy, "weight")}


class Scenario(ByName, table_of(MARKET)):
    """A market, its sectors and the strategies of its firms.

    Takes every market parameter, `name`, `sectors`, `strategies` and `changes` as keywords; what is left out has
    the table's default, which is one sector "market" and one strategy "balanced" for the lists, and no change.
    Scenarios are frozen, hashable and equal when all their values are.

    Parameters
    ----------
    name : str
    sectors : list of Sector or dict
        At least one; the fields are those of `abm.scenario.parameters.SECTOR`.
    strategies : list of Strategy or dict
        At least one; the fields are those of `abm.scenario.parameters.STRATEGY`.
    changes : list of Change or dict
        What changes on the way of a run, in the order in which it is applied.
    **market : float
        The parameters of `abm.scenario.parameters.MARKET`, where units, ranges and defaults stand.

    Raises
    ------
    InputError
        A key that is unknown, or a value that its parameter's range does not allow.

    Examples
    --------
    >>> scenario = Scenario(network_effect=0.9, sectors=[{"name": "enterprise", "demand_share": 1}])
    >>> scenario.network_effect, scenario.churn, scenario.sectors[0].quality_elasticity
    (0.9, 0.2, 1.0)
    >>> Scenario(netwrok_effect=0.9)
    Traceback (most recent call last):
    abm.errors.InputError: unknown key 'netwrok_effect' (did you mean 'network_effect'?)
    """

    name: str = "scenario"
    sectors: tuple[Sector, ...] = (Sector(name="market", demand_share=1.0),)
    strategies: tuple[Strategy, ...] = (Strategy(name="balanced", technology_weight=0.5),)
    changes: tuple[Change, ...] = ()

    @field_validator("name", mode="plain")
    @classmethod
    def _check_name(cls, name: Any) -> str:
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"name = {shown(name)} is not a non-empty text")
        # Control characters and halves of surrogate pairs cannot be written to a TOML file.
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise InputError(f"name = {shown(name)} holds a control character")
        return str(name)

    @field_validator("sectors", "strategies", mode="plain")
    @classmethod
    def _check_list(cls, members: Any, info: ValidationInfo) -> tuple:
        key = info.field_name
        kind, weight = _LISTS[key]
        built = _members(kind, members, key)
        if not built:
            raise InputError(f"{key} is an empty list; leave it out for the default or give at least one")
        if not any(getattr(member, weight) for member in built):
            raise InputError(f"{key}: {weight} is 0 for all; at least one must be above 0")
        return built

    @field_validator("changes", mode="plain")
    @classmethod
    def _check_changes(cls, changes: Any) -> tuple[Change, ...]:
        return _members(Change, changes, "changes")

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        for name, parameter in MARKET.items():
            if parameter.follows and name not in self.model_fields_set:
                # Written past pydantic, so that the value does not count as set.
                self.__dict__[name] = parameter.check(getattr(self, parameter.follows))
        if self.initial_firms > self.capacity:
            raise InputError(f"initial_firms = {self.initial_firms} is above capacity = {self.capacity}")
        if self.changes:
            check_changes(self)
        return self

    def is_set(self, name: str) -> bool:
        """Whether a value was given, rather than taken from a default or from another parameter.

        Examples
        --------
        >>> Scenario(capacity=800).is_set("capacity"), Scenario(capacity=800).is_set("market_size")
        (True, False)
        """
        if name not in Scenario.model_fields:
            raise InputError(unknown(name, Scenario.model_fields))
        return name in self.model_fields_set

    def neutral(self) -> "Scenario":
        """The scenario with every mechanism beyond the article's §4 at its neutral value.

        Examples
        --------
        >>> Scenario().neutral().network_effect, Scenario(k1=0.5).neutral().k1
        (0.0, 0.5)
        """
        unchanged = {"changes": ()} if self.changes else {}
        values = {each.name: each.neutral for each in PARAMETERS if each.neutral is not None}
        own = {
            f"sectors.{sector.name}.{name}": parameter.neutral
            for sector in self.sectors
            for name, parameter in SECTOR_OWN.items()
            if sector.has_own(name)
        }
        return self.replace(**unchanged, **values, **own)

    def to_dict(self) -> dict[str, Any]:
        """All values as plain types, the filled-in ones too; infinity stays a float. What a sector leaves to the
        market is left out.

        Examples
        --------
        >>> Scenario().to_dict()["strategies"][0]["policy"]
        'fixed'
        """
        plain = dict(vars(self))
        changes = plain.pop("changes")
        lists = {key: [values_of(member) for member in plain[key]] for key in _LISTS}
        return plain | lists | ({"changes": [change.plain() for change in changes]} if changes else {})

    def to_toml(self) -> str:
        """The scenario as a TOML text that `from_toml` reads back to an equal scenario.

        Values that follow others and were not set (`initial_firms`, `market_size`) are left out.

        Examples
        --------
        >>> print(Scenario(name="small").to_toml().splitlines()[0])
        name = "small"
        >>> Scenario.from_toml(Scenario(name="small").to_toml()) == Scenario(name="small")
        True
        """
        plain = self.to_dict()
        lists = {key: plain.pop(key) for key in (*_LISTS, "changes") if key in plain}
        for name, parameter in MARKET.items():
            if parameter.follows and not self.is_set(name):
                del plain[name]
        tables = [toml_lines(plain)]
        tables += [f"[[{key}]]\n{toml_lines(member)}" for key, members in lists.items() for member in members]
        return "\n".join(tables)

    @staticmethod
    def from_toml(text: str, source: str = "TOML text") -> "Scenario":
        """The scenario that a TOML text describes; `source` stands before every message.

        Examples
        --------
        >>> Scenario.from_toml("steps = 40").steps
        40
        >>> Scenario.from_toml("steps = 0", source="my.toml")
        Traceback (most recent call last):
        abm.errors.InputError: my.toml: steps = 0 is outside [1, 1e7]
        """
        return _parse(text, source, folder="")

    @staticmethod
    def load(name: str | os.PathLike) -> "Scenario":
        """A bundled scenario by its bare name, or a TOML file, or the run.json of a run, by its path.

        A text with a separator or ending in .toml or .json is a path; any other is first looked for among the
        bundled scenarios, then as a file. A file without `name` is named after itself.

        Examples
        --------
        >>> [sector.name for sector in Scenario.load("four-sectors").sectors]
        ['nlp_vision', 'smart_hardware', 'enterprise', 'health_finance']
        """
        return Scenario.from_named(find_text(name, "scenario"))

    @staticmethod
    def from_named(found: NamedText) -> "Scenario":
        """The scenario of a TOML file, or of a run's run.json; one without `name` is named after the file."""
        if found.source.endswith(".json"):
            return _parse_run(found.text, found.source)
        return _parse(found.text, found.source, folder=found.folder, name=found.name)

    @staticmethod
    def stored(path: str | os.PathLike) -> "Scenario":
        """The scenario in a folder of results, to read and compare: rules of the user's own are names, and not run."""
        found = find_text(os.fspath(path), "scenario")
        if found.source.endswith(".json"):
            return _parse_run(found.text, found.source)
        return _parse(found.text, found.source, folder=None, name=found.name)

    @staticmethod
    def bundled() -> list[str]:
        """The names of the bundled scenarios.

        Examples
        --------
        >>> "four-sectors" in Scenario.bundled()
        True
        """
        return bundled_names("scenario")


def _members(kind: type, members: Any, key: str) -> tuple:
    """The members of a list, whose names are unique."""
    if not isinstance(members, list | tuple):
        raise InputError(f"{key} = {shown(members)} is not a list of tables ([[{key}]] in a file)")
    built = tuple(read_member(kind, member, f"{key}[{place}]") for place, member in enumerate(members))
    names = [member.name for member in built]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise InputError(f'{key}[{place}] "{name}": the name is taken by {key}[{names.index(name)}]')
    return built


def describe(name: str) -> str:
    """What a bundled scenario shows: the comment at the head of its file.

    Examples
    --------
    >>> describe("one-market").split(":")[0]
    'One sector that weighs competitiveness and quality alike and five strategies, at the defaults'
    """
    if name not in Scenario.bundled():
        raise InputError(f"unknown scenario {name!r}{nearest(name, Scenario.bundled())}")
    head = re.match(r"(#.*\n)*", find_text(name, "scenario").text)[0]
    # The first paragraph of the comment: an empty comment line ends it.
    return " ".join(line.removeprefix("#").strip() for line in head.split("\n#\n")[0].splitlines())


def _parse(text: str, source: str, folder: str | os.PathLike | None, **defaults: Any) -> Scenario:
    """The scenario of a TOML text; `folder` is what paths of rules are relative to, None if they are not read."""
    with reading(source):
        return Scenario(**with_rules(defaults | tomllib.loads(text), folder))


def _parse_run(text: str, source: str) -> Scenario:
    with reading(source):
        return Scenario(**with_rules(values_of_run(text), None))
