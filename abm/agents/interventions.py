"""What is done to a market by hand between two steps: parameters set, firms founded, closed and merged.

The next step starts from the market as it is then. Its row counts the firms that were founded and closed among
`entries` and `exits`; they have its number as their step of entry and of exit.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from abm.agents.adapter import Model
from abm.agents.firm import Firm, checked, place_of
from abm.errors import InputError, shown
from abm.market.arrays import CUSTOMER_FLOOR, DIVERGENCE
from abm.market.firms import FIRM
from abm.market.records import LIFE, REASONS
from abm.market.threads import with_room
from abm.scenario.changes import SCHEDULE, Change
from abm.scenario.parameters import FIRM_COLUMNS
from abm.simulation.firm_table import state_rows


class Interventions:
    """What a model lets its user do to the market between two steps; `MarketModel` has all of it."""

    def set(self, **parameters: Any) -> None:
        """Let parameters take other values from the next step on.

        `scenario` holds it as a change from then on, so that `simulate(model.scenario, model.seed)` makes the same run,
        unless firms were changed by hand; a step beyond the scenario's last makes it longer.

        Parameters
        ----------
        **parameters
            What a change on the way may hold: `churn=0.3`, `**{"sectors.NAME.quality_elasticity": 2}`, `demand_factor`,
            `seed`, by which draws are keyed from the next step on.

        Raises
        ------
        InputError
            If a parameter is unknown or cannot change, or a value is not allowed.

        Examples
        --------
        >>> from abm import MarketModel
        >>> model = MarketModel("one-market", rng=1)
        >>> model.set(network_effect=0.2)
        >>> model.network_effect, [change.plain() for change in model.scenario.changes]
        (0.2, [{'name': 'set_at_1', 'step': 1, 'ramp': 1, 'network_effect': 0.2}])
        """
        for name in ("name", *SCHEDULE):
            if name in parameters:
                raise InputError(
                    f"set({name}={shown(parameters[name])}): values are set from the next step on; a change with "
                    "a plan of its own stands in the scenario's changes"
                )
        step, scenario = self.steps_done + 1, self.market.scenario
        taken = {change.name for change in scenario.changes}
        names = (f"set_at_{step}{suffix}" for suffix in ("", *(f"_{number}" for number in range(2, 2 + len(taken)))))
        change = Change(name=next(name for name in names if name not in taken), step=step, **parameters)
        longer = {"steps": step} if step > scenario.steps else {}
        self.market.go_on_with(scenario.replace(changes=(*scenario.changes, change), **longer))

    def found(self, sector: str, strategy: str, **state: Any) -> Firm:
        """Found a firm, in a vacant slot of a sector.

        It acts from the next step on, which is its step of entry; the next row counts it among `entries`. Its id goes
        on from those of the firms so far.

        Parameters
        ----------
        sector, strategy : str
            Names of the scenario.
        **state
            Columns of a firm table, in the ranges of one. What is left out is that of an entrant without noise:
            medians, T0 with what it learns from the sector, the strategy's weights, `entrant_base` of the average
            firm's customers, full funds.

        Returns
        -------
        Firm

        Raises
        ------
        InputError
            If the sector has no vacant slot, or a name or a value is not allowed.

        Examples
        --------
        >>> from abm import MarketModel
        >>> model = MarketModel("shakeout", rng=1)
        >>> before = len(model.agents)
        >>> firm = model.found(model.agents[0].sector, model.agents[0].strategy, T=2.0)
        >>> firm.T, firm.age, len(model.agents) - before
        (2.0, 0, 1)
        """
        market = self.market
        place = place_of("sector", sector, market.sector_names)
        kind = place_of("strategy", strategy, market.strategy_names)
        last = int(market.layout.slots[: place + 1].sum())
        vacant = self.changes.vacant(range(last - int(market.layout.slots[place]), last))
        if not vacant.size:
            raise InputError(
                f"sector {shown(sector)} has no vacant slot for a firm: all {market.layout.slots[place]} hold one; "
                "give the scenario more capacity, or close a firm first"
            )
        slots = vacant[:1]
        values = {name: checked(self, name, slots, value) for name, value in state.items()}
        rows = _entrant(self, place, kind, values)
        firms, counters = market.state.firms, market.state.counters[0]
        self.changes.note(FIRM.B, slots)
        firms[:, slots] = rows
        firms[FIRM.id, slots] = counters["next_id"]
        firms[FIRM.entered, slots] = market.steps_done + 1
        counters["next_id"] += 1
        self.changes.note_move(place, founded=True)
        return self.firm_in(int(slots[0]))

    def close(self, firms: Firm | Iterable[Firm]) -> None:
        """Take firms out of the market; `lives` has the reason `closed`, and the next step as that of their exit.

        Their customers are lost: the sector's demand goes to other firms at the rate of `churn`.

        Parameters
        ----------
        firms : Firm, or iterable of Firm
            Living firms of this model.

        Examples
        --------
        >>> from abm import MarketModel
        >>> model = MarketModel("one-market", rng=1)
        >>> model.close(model.agents.select(model.agents.get("T") < 1))
        >>> bool((model.agents.get("T") >= 1).all()), model.lives["reason"].dropna().unique().tolist()
        (True, ['closed'])
        """
        if not isinstance(firms, Firm | Iterable):
            raise InputError(f"{shown(firms)} is neither a firm nor some firms; model.agents holds them")
        listed = list(dict.fromkeys([firms] if isinstance(firms, Firm) else firms))
        for firm in listed:
            require_firm(self, firm)
        for firm in listed:
            _vacate(self, firm, "closed")

    def merge(self, a: Firm, b: Firm) -> None:
        """Let firm `a` take over firm `b`, which leaves with the reason `acquired`.

        Customers (B) and funds (F) of `b` go to `a`, those of another sector too; `a` keeps the larger T and the larger
        Q of the two, and all else of its own.

        Parameters
        ----------
        a, b : Firm
            Living firms of this model.

        Examples
        --------
        >>> from abm import MarketModel
        >>> model = MarketModel("one-market", rng=1)
        >>> first, second = model.agents[:2]
        >>> customers = first.B + second.B
        >>> model.merge(first, second)
        >>> first.B == customers, second.alive
        (True, False)
        """
        require_firm(self, a)
        require_firm(self, b)
        if a == b:
            raise InputError(f"merge: {a} cannot take over itself")
        joined = {"B": min(a.B + b.B, FIRM_COLUMNS["B"].high), "F": a.F + b.F, "T": max(a.T, b.T), "Q": max(a.Q, b.Q)}
        _vacate(self, b, "acquired")
        for name, value in joined.items():
            setattr(a, name, value)


def _entrant(model: Model, sector: int, strategy: int, given: dict[str, np.ndarray]) -> np.ndarray:
    """The rows of a firm as an entrant's would be without noise, with what is given; shape (rows, 1)."""
    model.recompute_sums()
    state, market = model.market.state.sectors[sector], model.market.parameters.market[0]
    share = market["entrant_catch_up"] if state["firms"] > 0.0 else 0.0
    T0 = (1.0 - share) * market["T0"] + share * min(state["mean_T"], DIVERGENCE)
    customers = max(market["entrant_base"] * state["demand"] / max(state["firms"], 1.0), CUSTOMER_FLOOR)
    defaults = {"T0": T0, "B": min(customers, FIRM_COLUMNS["B"].high)}
    values = {name: np.atleast_1d(value) for name, value in (defaults | given).items()}
    return state_rows(values, np.array([sector]), np.array([strategy]), model.market.parameters)


def require_firm(model: Model, firm: Any) -> None:
    """Refuse what is no living firm of this model."""
    if not isinstance(firm, Firm) or firm.model is not model:
        raise InputError(f"{shown(firm)} is not a firm of this model; model.agents holds them")
    firm._require_alive()


def _vacate(model: Model, firm: Firm, reason: str) -> None:
    market, slot = model.market, firm.slot
    place = market.sector_names.index(firm.sector)
    counters = market.state.counters[0]
    number = int(counters["lives"])
    market.state = with_room(market.state, number + 1)
    life, firms = market.state.lives[number], market.state.firms
    for name in LIFE.names:
        if name in FIRM._fields:
            life[name] = firms[getattr(FIRM, name), slot]
    life["sector"], life["reason"] = place, REASONS.index(reason)
    life["entry_step"], life["exit_step"] = firms[FIRM.entered, slot], market.steps_done + 1
    counters["lives"] = number + 1
    model.changes.note(FIRM.B, np.array([slot]))
    firms[FIRM.B, slot], firms[FIRM.id, slot] = 0.0, -1.0
    model.changes.note_move(place, founded=False)
    model.let_go([firm.unique_id])
