"""A scenario: everything that defines a market, from a TOML file or from keywords, validated.

Names, defaults and ranges come from the table in `abm.scenario.parameters`. A refusal raises
`InputError` with one message that names the key, the value and what is allowed.
"""

import os
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import ValidationInfo, field_validator, model_validator

from abm.errors import InputError, nearest, shown
from abm.scenario.fields import Sector, Strategy, composed, read_member, table_of
from abm.scenario.flat_names import flat
from abm.scenario.library import NamedText, bundled_names, find_text, reading
from abm.scenario.numerals import hint, literal
from abm.scenario.parameters import MARKET, PARAMETERS, SECTOR, STRATEGY, Parameter
from abm.scenario.texts import toml_lines, values_of_run

# The lists of a scenario: what their members are, and the weight that must not be 0 for all.
_LISTS = {"sectors": (Sector, SECTOR, "demand_share"), "strategies": (Strategy, STRATEGY, "weight")}


class Scenario(table_of(MARKET)):
    """A market, its sectors and the strategies of its firms.

    Takes every market parameter, `name`, `sectors` and `strategies` as keywords; what is left out has
    the table's default, which is one sector "market" and one strategy "balanced" for the lists.
    Scenarios are frozen, hashable and equal when all their values are.

    Parameters
    ----------
    name : str
    sectors : list of Sector or dict
        At least one; the fields are those of `abm.scenario.parameters.SECTOR`.
    strategies : list of Strategy or dict
        At least one; the fields are those of `abm.scenario.parameters.STRATEGY`.
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
        kind, _, weight = _LISTS[key]
        if not isinstance(members, list | tuple):
            raise InputError(f"{key} = {shown(members)} is not a list of tables ([[{key}]] in a file)")
        if not members:
            raise InputError(f"{key} is an empty list; leave it out for the default or give at least one")
        built = tuple(read_member(kind, member, f"{key}[{place}]") for place, member in enumerate(members))
        names = [member.name for member in built]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise InputError(f'{key}[{place}] "{name}": the name is taken by {key}[{names.index(name)}]')
        if not any(getattr(member, weight) for member in built):
            raise InputError(f"{key}: {weight} is 0 for all; at least one must be above 0")
        return built

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        for name, parameter in MARKET.items():
            if parameter.follows and name not in self.model_fields_set:
                # Written past pydantic, so that the value does not count as set.
                self.__dict__[name] = parameter.check(getattr(self, parameter.follows))
        if self.initial_firms > self.capacity:
            raise InputError(f"initial_firms = {self.initial_firms} is above capacity = {self.capacity}")
        return self

    def is_set(self, name: str) -> bool:
        """Whether a value was given, rather than taken from a default or from another parameter.

        Examples
        --------
        >>> Scenario(capacity=800).is_set("capacity"), Scenario(capacity=800).is_set("market_size")
        (True, False)
        """
        if name not in Scenario.model_fields:
            raise InputError(f"unknown parameter {name!r}{nearest(name, Scenario.model_fields)}")
        return name in self.model_fields_set

    def settable(self) -> dict[str, Parameter]:
        """Every name that `--set` takes: market parameters, `sectors.NAME.KEY`, `strategies.NAME.KEY`,
        and a sector's or strategy's KEY alone, which stands for all of them.

        Examples
        --------
        >>> settable = Scenario().settable()
        >>> settable["sectors.market.demand_share"].name, settable["policy"].name
        ('demand_share', 'policy')
        """
        return {parameter.name: parameter for parameter in PARAMETERS} | {
            f"{key}.{member.name}.{parameter.name}": parameter
            for key, (_, table, _) in _LISTS.items()
            for member in getattr(self, key)
            for parameter in table.values()
        }

    def flat(self) -> dict[str, Any]:
        """Every value by the name that `replace` takes: `churn`, `sectors.NAME.KEY`, `strategies.NAME.KEY`.

        Examples
        --------
        >>> values = Scenario(churn=0.3).flat()
        >>> values["churn"], values["sectors.market.demand_share"]
        (0.3, 1.0)
        """
        return flat(self.to_dict())

    def get(self, name: str) -> Any:
        """The value under a name of `flat`.

        Raises
        ------
        InputError
            For an unknown name, with the nearest one.

        Examples
        --------
        >>> Scenario().get("sectors.market.quality_elasticity")
        1.0
        >>> Scenario().get("chrun")
        Traceback (most recent call last):
        abm.errors.InputError: unknown parameter 'chrun' (did you mean 'churn'?)
        """
        values = self.flat()
        if name not in values:
            raise InputError(f"unknown parameter {name!r}{nearest(name, values)}")
        return values[name]

    def replace(self, **changes: Any) -> "Scenario":
        """A new scenario with some values changed.

        Parameters
        ----------
        **changes
            `name`, `sectors`, `strategies` or any name of `settable`. Where a key alone and a dotted
            name meet, the dotted name wins.

        Examples
        --------
        >>> base = Scenario(capacity=100)
        >>> base.replace(capacity=800).market_size
        800.0
        >>> base.replace(**{"sectors.market.quality_elasticity": 2}).sectors[0].quality_elasticity
        2.0
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        inner = {}
        for name, value in changes.items():
            (given if name in Scenario.model_fields else inner)[composed(name)] = value
        scenario = Scenario(**given)
        return scenario._replace_inner(inner) if inner else scenario

    def _replace_inner(self, changes: Mapping[str, Any]) -> "Scenario":
        """The scenario with changes inside its sectors and strategies."""
        known = self.settable()
        for name in changes:
            if name not in known:
                raise InputError(f"unknown parameter {name!r}{nearest(name, [*Scenario.model_fields, *known])}")
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for key, (_, table, _) in _LISTS.items():
            own = {name: value for name, value in changes.items() if known[name].name in table}
            if own:
                given[key] = [
                    dict(vars(member))
                    | {name: value for name, value in own.items() if name in table}
                    | {known[n].name: value for n, value in own.items() if n.startswith(f"{key}.{member.name}.")}
                    for member in getattr(self, key)
                ]
        return Scenario(**given)

    def with_settings(self, settings: Iterable[str]) -> "Scenario":
        """A new scenario with texts NAME=VALUE applied, as `--set` gives them.

        Numbers are written as in tables (see `abm.scenario.numerals.literal`); for choices a bare word will do.

        Examples
        --------
        >>> changed = Scenario().with_settings(["technology_ceiling=inf", "policy=imitate", "steps=1e3"])
        >>> changed.technology_ceiling, changed.strategies[0].policy, changed.steps
        (inf, 'imitate', 1000)
        """
        known = self.settable()
        changes: dict[str, Any] = {}
        for setting in settings:
            name, _, text = (part.strip() for part in composed(setting).partition("="))
            if not name or not text:
                raise InputError(f"setting {setting!r} is not of the form NAME=VALUE")
            if name not in known:
                raise InputError(f"setting {setting!r}: unknown parameter {name!r}{nearest(name, known)}")
            if name in changes:
                raise InputError(f"setting {setting!r}: {name} is set twice")
            try:
                changes[name] = known[name].check(literal(text), f"setting {setting!r}", whole_floats=True)
            except InputError as problem:
                raise InputError(f"{problem}{hint(text)}") from None
        return self.replace(**changes)

    def neutral(self) -> "Scenario":
        """The scenario with every mechanism beyond the article's §4 at its neutral value.

        Examples
        --------
        >>> Scenario().neutral().network_effect, Scenario(k1=0.5).neutral().k1
        (0.0, 0.5)
        """
        return self.replace(**{each.name: each.neutral for each in PARAMETERS if each.neutral is not None})

    def to_dict(self) -> dict[str, Any]:
        """All values as plain types, the filled-in ones too; infinity stays a float.

        Examples
        --------
        >>> Scenario().to_dict()["strategies"][0]["policy"]
        'fixed'
        """
        plain = dict(vars(self))
        return plain | {key: [dict(vars(member)) for member in plain[key]] for key in _LISTS}

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
        lists = {key: plain.pop(key) for key in _LISTS}
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
        return _parse(text, source)

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
        return _parse(found.text, found.source, name=found.name)

    @staticmethod
    def bundled() -> list[str]:
        """The names of the bundled scenarios.

        Examples
        --------
        >>> "four-sectors" in Scenario.bundled()
        True
        """
        return bundled_names("scenario")


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


def _parse(text: str, source: str, **defaults: Any) -> Scenario:
    with reading(source):
        return Scenario(**(defaults | tomllib.loads(text)))


def _parse_run(text: str, source: str) -> Scenario:
    with reading(source):
        return Scenario(**values_of_run(text))
