"""Firms as Mesa agents: each is a view on one slot of a market's arrays, made when it is first used.

`read` and `write` work on a column of any number of firms, for `abm.agents.firm_set`; a `Firm` uses them for its slot.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from abm.agents.adapter import Agent, BasicMovement, HasCell, Model
from abm.errors import InputError, nearest, shown
from abm.market.arrays import CUSTOMER_FLOOR
from abm.market.firms import FIRM
from abm.market.rules import signs
from abm.scenario.parameters import FIRM_COLUMNS

# Numeric columns and their rows in State.firms, of the same names. They and the strategy may be set, the others only
# read.
ROWS = {name: getattr(FIRM, name) for name in FIRM_COLUMNS}
READ_ONLY = ("unique_id", "slot", "name", "sector", "share", "revenue", "memory")
COLUMNS = (*ROWS, "strategy", *READ_ONLY)
# The place of a firm in a space of Mesa; set by the user, any object.
PLACES = ("pos", "cell")
_PLACED = (*PLACES, "_mesa_cell")
_INTEGERS = ("age", "direction")

NOT_BY_HAND = "firms enter by model.found(sector, strategy) and leave by model.close(firms) or firm.remove()"


class FirmHasLeft(InputError, AttributeError):
    """An attribute of a firm that has left its market was read; `hasattr` is False for it."""


def objects(values: Iterable[Any]) -> np.ndarray:
    """Any objects as a 1-D array of objects, tuples and lists among them."""
    values = list(values)
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array


def read(model: Model, name: str, slots: np.ndarray) -> np.ndarray:
    """One column of the firms in some slots."""
    market = model.market
    firms = market.state.firms
    if name in ROWS:
        values = firms[ROWS[name], slots]
        if name == "direction":
            values = signs(values)
        return values.astype(np.int64) if name in _INTEGERS else values
    if name == "unique_id":
        return firms[FIRM.id, slots].astype(np.int64)
    if name == "memory":
        return firms[FIRM.direction, slots]
    if name == "slot":
        return slots.copy()
    if name == "strategy":
        return np.array(market.strategy_names, dtype=object)[firms[FIRM.strategy, slots].astype(np.int64)]
    if name == "name":
        names = [] if market.table is None else market.table.names
        ids = read(model, "unique_id", slots).tolist()
        return np.array([names[each] if each < len(names) else "" for each in ids], dtype=object)
    places = np.searchsorted(np.cumsum(market.layout.slots), slots, side="right")
    if name == "sector":
        return np.array(market.sector_names, dtype=object)[places]
    if name == "revenue":
        return firms[FIRM.B, slots] * firms[FIRM.P, slots]
    if name == "share":
        return firms[FIRM.B, slots] / model.changes.bases()[places]
    raise AttributeError(f"a firm has no attribute {name!r}{nearest(name, COLUMNS)}")


def write(model: Model, name: str, slots: np.ndarray, value: Any) -> None:
    """Set one column of the firms in some slots to a value, or to one value each.

    Raises
    ------
    InputError
        If a number is outside the range that a firm table allows, or a strategy is unknown.
    AttributeError
        If there is no such column, or it may only be read.
    """
    values = strategy_places(model, slots, value) if name == "strategy" else checked(model, name, slots, value)
    row, firms = getattr(FIRM, name), model.market.state.firms
    model.changes.note(row, slots)
    firms[row, slots] = values
    if name == "strategy":  # what a rule remembered is lost
        firms[FIRM.direction, slots] = signs(firms[FIRM.direction, slots])


def checked(model: Model, name: str, slots: np.ndarray, value: Any) -> np.ndarray:
    """Numbers for a column of some slots, or a refusal."""
    if name not in ROWS:
        hint = " that can be set" if name in READ_ONLY else nearest(name, (*ROWS, "strategy"))
        raise AttributeError(f"a firm has no attribute {name!r}{hint}")
    parameter = FIRM_COLUMNS[name]
    # As objects: otherwise NumPy would turn bools and texts into numbers before they can be refused.
    numbers = np.array(value, dtype=object) if isinstance(value, list | tuple) else np.asarray(value)
    _one_each(name, numbers, slots)
    if numbers.dtype.kind not in "iuf" or parameter.kind == "int" or not np.all(parameter.admits(numbers)):
        found = [parameter.check(number, whole_floats=True) for number in np.ravel(numbers).tolist()]
        numbers = np.reshape(found, numbers.shape)
    runway = model.market.parameters.market["runway"][0]
    if name == "F" and (wrong := numbers[np.isinf(numbers) != np.isinf(runway)]).size:
        raise InputError(f"F = {wrong[0]}: inf is allowed where the runway is inf, and only there; it is {runway}")
    if name == "B":
        numbers = np.maximum(numbers, CUSTOMER_FLOOR)  # 0 would be a vacant slot
    return numbers + 0.0  # makes -0.0 a plain zero


def strategy_places(model: Model, slots: np.ndarray, value: Any) -> np.ndarray:
    """The places of strategies among the scenario's, given their names, or a refusal."""
    texts = np.array(value, dtype=object)
    _one_each("strategy", texts, slots)
    return np.reshape(
        [place_of("strategy", text, model.market.strategy_names) for text in np.ravel(texts)], texts.shape
    )


def place_of(label: str, name: Any, names: tuple[str, ...]) -> int:
    """The place of a name among the scenario's sectors or strategies, or a refusal."""
    if name not in names:
        raise InputError(f"{label} = {shown(name)} is not {' or '.join(names)}{nearest(name, names)}")
    return names.index(name)


def _one_each(name: str, values: np.ndarray, slots: np.ndarray) -> None:
    if values.ndim and values.shape != slots.shape:
        raise InputError(f"{name}: {len(values)} values for {len(slots)} firms")


class Firm(Agent, HasCell, BasicMovement):
    """One firm of a `MarketModel`: a view on its slot.

    Every numeric column of a firm table is an attribute to read and to set: T C P R Q B F theta omega age
    direction R_smoothed R_reviewed and the traits T0 C0 R0 k1 k2 k3. `strategy` is set by its name; from then on the
    firm reviews by that strategy's policy, with the weights that it has. `name`, `sector`, `share`, `revenue` (B·P) and
    `memory`, of a rule of the user's own, can be read, but not set. `pos` and `cell` are yours, for the spaces of Mesa.
    Other attributes are refused.
    A model makes one view for a firm and keeps it until the firm has left; then the view knows its `unique_id`, its
    `slot`, the `pos` it had and that it is not `alive`, and all else is an AttributeError.

    Examples
    --------
    >>> from abm import MarketModel
    >>> firm = MarketModel("one-market", rng=1).agents[0]
    >>> firm.T = 2
    >>> firm.T, firm.sector, firm.alive
    (2.0, 'market', True)
    >>> firm.T = -1
    Traceback (most recent call last):
    abm.errors.InputError: T = -1 is outside [1e-6, 1e9]
    """

    def __init__(self, model: Model, slot: int | None = None, unique_id: int | None = None) -> None:
        if slot is None:  # as Mesa's users and `create_agents` would make one
            raise InputError(NOT_BY_HAND)
        # Mesa's own initialisation is not called: it would register the firm among the user's own agents.
        self.__dict__.update(model=model, slot=slot, unique_id=unique_id)

    @property
    def alive(self) -> bool:
        """Whether the firm is still in its market."""
        return bool(self.model.market.state.firms[FIRM.id, self.slot] == self.unique_id)

    @property
    def pos(self) -> Any:
        """Where the firm is in a space, or None; kept when it leaves, so that it can be taken out of the space."""
        place = self.__dict__.get("_pos")
        if place is None:
            self._require_alive()  # before a space takes it in
        return place

    def _require_alive(self) -> None:
        if not self.alive:
            raise FirmHasLeft(f"firm {self.unique_id} has left the market")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _PLACED or value is not None:  # a firm that has left can be taken out of a space
            self._require_alive()
        if name == "pos":
            self.__dict__["_pos"] = value
        elif name in _PLACED:
            object.__setattr__(self, name, value)
        else:
            write(self.model, name, np.array([self.slot]), value)

    def remove(self) -> None:
        """Close the firm, see `MarketModel.close`."""
        self._require_alive()
        self.model.close([self])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Firm) and self.model is other.model and self.unique_id == other.unique_id

    def __hash__(self) -> int:
        return hash((id(self.model), self.unique_id))

    def __repr__(self) -> str:
        return f"Firm({self.unique_id})"


def _column(name: str) -> property:
    def get(firm: Firm) -> Any:
        firm._require_alive()
        return read(firm.model, name, np.array([firm.slot])).tolist()[0]

    return property(get, doc=FIRM_COLUMNS[name].meaning if name in ROWS else f"The firm's {name}.")


for _name in (*ROWS, "name", "sector", "strategy", "share", "revenue", "memory"):
    setattr(Firm, _name, _column(_name))
