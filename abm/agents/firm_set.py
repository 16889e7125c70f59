"""Sets of firms as Mesa's AgentSet: views on slots of a market, without a Python object for each firm.

`get`, `set` and `select` with a mask work on arrays and are fast; all that takes a function makes a `Firm` for each.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, MutableSet
from itertools import islice
from math import ceil, isnan
from numbers import Real
from operator import index, methodcaller
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from abm.agents.adapter import Agent, AgentSet, GroupBy, Model
from abm.agents.firm import COLUMNS, NOT_BY_HAND, PLACES, Firm, objects, read, write
from abm.errors import InputError, shown
from abm.market.firms import FIRM

if TYPE_CHECKING:
    from random import Random


class FirmSet(AgentSet):
    """Firms of a `MarketModel` in order: all that live now (`model.agents`, by id), or a subset.

    Mesa's `AgentSet` with these differences. `get` gives arrays instead of lists; `set` also takes a value
    for each firm, and `select` a mask, which is far faster than a function. A subset drops the firms that
    have left. To add to or remove from `model.agents` is refused, `inplace=True` too; subsets allow both.
    The first iteration makes a `Firm` for each, which the model keeps until the firm leaves.

    Examples
    --------
    >>> from abm import MarketModel
    >>> firms = MarketModel("one-market", rng=1).agents
    >>> few = firms.select(firms.get("unique_id") < 3)
    >>> few.set("theta", [0.2, 0.5, 0.8]).agg("theta", max)
    np.float64(0.8)
    >>> [firm.theta for firm in few]
    [0.2, 0.5, 0.8]
    """

    def __init__(self, model: Model, slots: Iterable[int] | None = None) -> None:
        self.model = model
        self._is_live = slots is None
        self._moment = (-1, 0)  # when a live set has looked up its slots: the step, and firms moved by hand until then
        if not self._is_live:
            self._hold(slots)

    def _hold(self, slots: Iterable[int]) -> None:
        self._slots = np.array(slots, dtype=np.int64)
        self._ids = read(self.model, "unique_id", self._slots)

    def _now(self) -> np.ndarray:
        """Slots of the set's firms that live, in its order."""
        market = self.model.market
        if not self._is_live:
            return self._slots[market.state.firms[FIRM.id, self._slots] == self._ids]
        moment = (market.steps_done, self.model.changes.moves)
        if self._moment != moment:
            slots = np.flatnonzero(market.state.firms[FIRM.B] > 0.0)
            self._slots = slots[np.argsort(market.state.firms[FIRM.id, slots], kind="stable")]
            self._moment = moment
        return self._slots

    def _as_result(self, slots: Iterable[int], inplace: bool) -> "FirmSet":
        if not inplace:
            return FirmSet(self.model, slots)
        if self._is_live:
            raise InputError(f"model.agents: {NOT_BY_HAND}")
        self._hold(slots)
        return self

    @property
    def _agents(self) -> NoReturn:
        raise RuntimeError("a FirmSet holds no agents: a method of Mesa's AgentSet needs overriding")

    @property
    def random(self) -> "Random":
        """The model's generator, which the simulation itself never draws from."""
        return self.model.random

    def __len__(self) -> int:
        return len(self._now())

    def __iter__(self) -> Iterator[Firm]:
        slots = self._now()
        ids = read(self.model, "unique_id", slots)
        views = self.model.views
        for slot, unique_id in zip(slots.tolist(), ids.tolist(), strict=True):
            firm = views.get(unique_id)
            if firm is None:
                firm = views[unique_id] = Firm(self.model, slot, unique_id)
            yield firm

    def __contains__(self, firm: object) -> bool:
        if not isinstance(firm, Firm) or firm.model is not self.model or not firm.alive:
            return False
        return self._is_live or firm.slot in self._now()

    def __getitem__(self, item: int | slice) -> Firm | list[Firm]:
        if isinstance(item, slice):
            return list(FirmSet(self.model, self._now()[item]))
        try:
            place = index(item)
        except TypeError:
            raise TypeError(f"{shown(item)} is neither a place nor a slice; a mask goes to select()") from None
        return next(iter(FirmSet(self.model, [self._now()[place]])))

    def to_list(self) -> list[Firm]:
        """All firms as a list."""
        return list(self)

    def get(self, attr_names: str | list[str], handle_missing: str = "error", default_value: Any = None) -> np.ndarray:
        """A column as an array, or several as the columns of one.

        Parameters
        ----------
        attr_names : str or list of str
            Names of columns, or of other attributes of a firm, which come as objects.
        handle_missing : {"error", "default"}
            What to do about a name that firms do not have.
        default_value
            What "default" gives instead.
        """
        if handle_missing not in ("error", "default"):
            raise ValueError(f"handle_missing = {shown(handle_missing)} is not error or default")
        if not isinstance(attr_names, str):
            columns = [self.get(name, handle_missing, default_value) for name in attr_names]
            if not columns:
                return np.empty((len(self), 0))
            mixed = any(column.dtype == object for column in columns)
            return np.stack([column.astype(object) if mixed else column for column in columns], axis=1)
        if attr_names in COLUMNS:
            return read(self.model, attr_names, self._now())
        if attr_names == "model" or hasattr(Firm, attr_names):
            return objects(getattr(firm, attr_names) for firm in self)
        if handle_missing == "default":
            return objects([default_value] * len(self))
        return read(self.model, attr_names, self._now())  # which refuses

    def set(self, attr_name: str, value: Any) -> "FirmSet":
        """Set a column to a number, or to a sequence with a number for each firm; `pos` or `cell` to one object."""
        if attr_name in PLACES:
            return self.do(setattr, attr_name, value)
        write(self.model, attr_name, self._now(), value)
        return self

    def select(
        self,
        filter_func: Callable[[Firm], bool] | np.ndarray | None = None,
        at_most: float = float("inf"),
        inplace: bool = False,
        agent_type: type[Agent] | None = None,
    ) -> AgentSet:
        """The firms that a mask, or a function of a firm, picks.

        Parameters
        ----------
        filter_func : array of bool, or callable, optional
            The array has a place for each firm in the order of the set.
        at_most : int or float
            The number of firms to stop at; a float of at most 1 is a share of the set. Nothing below 0 is picked.
        inplace : bool
            Change this subset instead of making a new one.
        agent_type : type, optional
            `Firm`, or a class above it, picks from the firms. Of `model.agents` another class picks from the user's
            own agents, as an `AgentSet` of Mesa's; of a subset it picks none.
        """
        is_of_firms = agent_type is None or issubclass(Firm, agent_type)
        if self._is_live and not is_of_firms:
            return self.model.own_agents.select(filter_func, at_most, inplace, agent_type)
        slots = self._now()
        if not isinstance(at_most, Real) or isnan(at_most):
            raise TypeError(f"at_most = {shown(at_most)} is not a number")
        if isinstance(at_most, float) and at_most <= 1.0:
            at_most = int(len(slots) * at_most)
        limit = None if at_most == float("inf") else max(0, ceil(at_most))
        if not is_of_firms:
            slots = slots[:0]
        elif callable(filter_func):
            slots = [firm.slot for firm in islice(filter(filter_func, self), limit)]
        elif filter_func is not None:
            mask = np.asarray(filter_func)
            if mask.dtype != bool or mask.shape != slots.shape:
                raise InputError(f"a mask of {mask.dtype} {mask.shape} is not a bool for each of {len(slots)} firms")
            slots = slots[mask]
        return self._as_result(slots[:limit], inplace)

    def _values(self, of: Callable[[Firm], Any] | str) -> list:
        return self.get(of).tolist() if isinstance(of, str) else [of(firm) for firm in self]

    def sort(self, key: Callable[[Firm], Any] | str, ascending: bool = False, inplace: bool = False) -> "FirmSet":
        values, slots = self._values(key), self._now()
        order = sorted(range(len(slots)), key=values.__getitem__, reverse=not ascending)
        return self._as_result(slots[order], inplace)

    def shuffle(self, inplace: bool = False) -> "FirmSet":
        slots = self._now().tolist()
        self.random.shuffle(slots)
        return self._as_result(slots, inplace)

    def groupby(self, by: Callable[[Firm], Any] | str, result_type: str = "agentset") -> GroupBy:
        groups = defaultdict(list)
        for slot, value in zip(self._now().tolist(), self._values(by), strict=True):
            groups[value].append(slot)
        sets = {value: FirmSet(self.model, slots) for value, slots in groups.items()}
        return GroupBy(sets if result_type == "agentset" else {value: list(each) for value, each in sets.items()})

    def map(self, method: Callable | str, *args: Any, **kwargs: Any) -> list:
        if isinstance(method, str):
            return list(map(methodcaller(method, *args, **kwargs), self))
        return [method(firm, *args, **kwargs) for firm in self]

    def do(self, method: Callable | str, *args: Any, **kwargs: Any) -> "FirmSet":
        self.map(method, *args, **kwargs)
        return self

    def shuffle_do(self, method: Callable | str, *args: Any, **kwargs: Any) -> "FirmSet":
        self.shuffle().do(method, *args, **kwargs)
        return self

    def add(self, firm: Firm) -> None:
        self._as_result(self._from_iterable([*self, firm])._slots, inplace=True)

    def discard(self, firm: Firm) -> None:
        self._as_result([each.slot for each in self if each != firm], inplace=True)

    remove = MutableSet.remove

    def _from_iterable(self, firms: Iterable[Firm]) -> "FirmSet":
        """What `|`, `&`, `-` and `^` make their results with: of this model, each firm once."""
        slots = {}
        for firm in firms:
            if firm not in self.model.agents:
                raise InputError(f"{shown(firm)} is not a living firm of this model")
            slots[firm.slot] = None
        return FirmSet(self.model, list(slots))

    def __copy__(self) -> "FirmSet":
        return FirmSet(self.model, self._now())

    def copy(self) -> "FirmSet":
        """The firms that live now as a subset, which can be changed."""
        return FirmSet(self.model, self._now())

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        return f"FirmSet of {len(self)} firms"
