"""A scenario's values by their names: which there are, what they are, and the scenario with some of them changed.

The names are those of `abm.scenario.flat_names`: `churn`, `sectors.NAME.KEY`, `strategies.NAME.KEY`, `changes.NAME.KEY`
and a KEY alone, which stands for all sectors or strategies.
"""

from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any, Self

from abm.errors import InputError
from abm.scenario.changes import SCHEDULE, changeable
from abm.scenario.fields import composed, values_of
from abm.scenario.flat_names import flat, unknown
from abm.scenario.numerals import hint, literal
from abm.scenario.parameters import CHANGE, PARAMETERS, SECTOR, SECTOR_OWN, STRATEGY, Parameter

# What the members of a scenario's lists may hold.
MEMBER_TABLES = {"sectors": SECTOR | SECTOR_OWN, "strategies": STRATEGY}


class ByName:
    """What a scenario has of names; `Scenario` has all of it."""

    def settable(self) -> dict[str, Parameter]:
        """Every name that `--set` takes: market parameters, `sectors.NAME.KEY`, `strategies.NAME.KEY`,
        a sector's or strategy's KEY alone, which stands for all of them, and `changes.NAME.KEY`.

        Examples
        --------
        >>> from abm import Scenario
        >>> settable = Scenario().settable()
        >>> settable["sectors.market.demand_share"].name, settable["policy"].name
        ('demand_share', 'policy')
        """
        return (
            {parameter.name: parameter for parameter in PARAMETERS}
            | {
                f"{key}.{member.name}.{parameter.name}": parameter
                for key, table in MEMBER_TABLES.items()
                for member in getattr(self, key)
                for parameter in table.values()
            }
            | self._settable_changes()
        )

    def _settable_changes(self) -> dict[str, Parameter]:
        """The names `changes.NAME.KEY`."""
        keys = {name: CHANGE[name] for name in SCHEDULE} | changeable()
        for key, table in MEMBER_TABLES.items():
            own = {name: parameter for name, parameter in keys.items() if name in table or name == "demand_factor"}
            for member in getattr(self, key) if self.changes else ():
                keys |= {f"{key}.{member.name}.{name}": parameter for name, parameter in own.items()}
        return {f"changes.{change.name}.{name}": each for change in self.changes for name, each in keys.items()}

    def flat(self) -> dict[str, Any]:
        """Every value by the name that `replace` takes: `churn`, `sectors.NAME.KEY`, `strategies.NAME.KEY`.

        Examples
        --------
        >>> from abm import Scenario
        >>> values = Scenario(churn=0.3).flat()
        >>> values["churn"], values["sectors.market.demand_share"]
        (0.3, 1.0)
        """
        return flat(self.to_dict())

    def get(self, name: str) -> Any:
        """The value under a name of `flat`; what a sector leaves to the market is the market's.

        Raises
        ------
        InputError
            For an unknown name, with the nearest one.

        Examples
        --------
        >>> from abm import Scenario
        >>> Scenario().get("sectors.market.quality_elasticity")
        1.0
        >>> Scenario().get("chrun")
        Traceback (most recent call last):
        abm.errors.InputError: unknown parameter 'chrun' (did you mean 'churn'?)
        """
        values = self.flat()
        if name not in values and name in self.settable():
            name = name.rpartition(".")[2]
        if name not in values:
            raise InputError(unknown(name, values))
        return values[name]

    def replace(self, **changes: Any) -> Self:
        """A new scenario with some values changed.

        Parameters
        ----------
        **changes
            `name`, `sectors`, `strategies`, `changes` or any name of `settable`. Where a key alone and a dotted
            name meet, the dotted name wins. With fewer `steps`, changes that begin after the last one are left out.

        Examples
        --------
        >>> from abm import Scenario
        >>> base = Scenario(capacity=100)
        >>> base.replace(capacity=800).market_size
        800.0
        >>> base.replace(**{"sectors.market.quality_elasticity": 2}).sectors[0].quality_elasticity
        2.0
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        inner = {}
        for name, value in changes.items():
            (given if name in type(self).model_fields else inner)[composed(name)] = value
        on_the_way = {name: inner.pop(name) for name in list(inner) if name.startswith("changes.")}
        self._check_names(on_the_way)
        if self.changes and "changes" not in changes:
            given["changes"] = self._replace_changes(on_the_way, given.get("steps"))
            if not given["changes"]:
                del given["changes"]
        scenario = type(self)(**given)
        return scenario._replace_inner(inner) if inner else scenario

    def _check_names(self, names: Iterable[str]) -> None:
        known = self.settable() if names else {}
        for name in names:
            if name not in known:
                raise InputError(unknown(name, [*type(self).model_fields, *known]))

    def _replace_changes(self, values: Mapping[str, Any], steps: Any) -> list[Any]:
        """The changes with other values; those that a shorter run does not reach are left out, unless told to begin."""
        kept = []
        for change in self.changes:
            own = {name: value for name, value in values.items() if name.startswith(f"changes.{change.name}.")}
            own = {name.removeprefix(f"changes.{change.name}."): value for name, value in own.items()}
            beyond = isinstance(steps, Real) and change.step > steps and "step" not in own
            if not beyond:
                kept.append(change.plain() | own if own else change)
        return kept

    def _replace_inner(self, changes: Mapping[str, Any]) -> Self:
        """The scenario with changes inside its sectors and strategies."""
        self._check_names(changes)
        known = self.settable()
        given = {name: getattr(self, name) for name in self.model_fields_set}
        for key, table in MEMBER_TABLES.items():
            own = {name: value for name, value in changes.items() if known[name].name in table}
            if own:
                given[key] = [
                    values_of(member)
                    | {name: value for name, value in own.items() if name in table}
                    | {known[n].name: value for n, value in own.items() if n.startswith(f"{key}.{member.name}.")}
                    for member in getattr(self, key)
                ]
        return type(self)(**given)

    def with_settings(self, settings: Iterable[str]) -> Self:
        """A new scenario with texts NAME=VALUE applied, as `--set` gives them.

        Numbers are written as in tables (see `abm.scenario.numerals.literal`); for choices a bare word will do.

        Examples
        --------
        >>> from abm import Scenario
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
                raise InputError(f"setting {setting!r}: {unknown(name, known)}")
            if name in changes:
                raise InputError(f"setting {setting!r}: {name} is set twice")
            try:
                changes[name] = known[name].check(literal(text), f"setting {setting!r}", whole_floats=True)
            except InputError as problem:
                raise InputError(f"{problem}{hint(text)}") from None
        return self.replace(**changes)
