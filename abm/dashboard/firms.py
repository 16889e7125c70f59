"""The firms of a page: dots in the plane of T and C, what is said of one, and the path of one that is followed."""

from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from abm.agents.firm import read
from abm.agents.model import MarketModel
from abm.market.firms import FIRM
from abm.market.records import REASONS
from abm.output.number_text import number
from abm.output.style import strategy_colours

DOTS = 5_000  # firms drawn in the plane
LARGEST = 500  # firms that are drawn in any case
SHADES = 25  # of returns
SAID = ("T", "C", "R", "Q", "B", "F")


def plane(market: MarketModel) -> dict[str, Any]:
    """What the plane is drawn with, as the browser reads it."""
    shades = matplotlib.colormaps["RdBu"](np.linspace(0.0, 1.0, SHADES))
    return {
        "plane": True,
        "title": "Firms now: each by its T and C; area: share of its sector",
        "T0": market.scenario.T0,
        "C0": market.scenario.C0,
        "strategies": list(strategy_colours(market.market.strategy_names).items()),
        "returns": [to_hex(shade) for shade in shades],
        "shape": 0.6,
    }


def dots(market: MarketModel) -> bytes:
    """Slot, T, C, R, radius in pixels and strategy of the firms in the plane, as float32; the largest first.

    Of more than `DOTS` firms the `LARGEST` largest and some of the others are drawn, evenly by size.
    """
    firms, sectors = market.market.state.firms, market.market.state.sectors
    slots = np.flatnonzero(firms[FIRM.B] > 0.0)
    living = len(slots)
    places = np.searchsorted(np.cumsum(market.market.layout.slots), slots, side="right")
    share = firms[FIRM.B, slots] / sectors["base"][places]
    drawn = np.argsort(-share, kind="stable")
    area = (40.0 if living <= 1_000 else 12.0) * share / share.mean() if living else share
    if living > DOTS:
        drawn = drawn[np.append(np.arange(LARGEST), np.linspace(LARGEST, living - 1, DOTS - LARGEST).astype(int))]
    slots = slots[drawn]
    radius = np.sqrt(np.clip(area[drawn], 6.0, 700.0) / np.pi)
    columns = [slots, *firms[[FIRM.T, FIRM.C, FIRM.R]][:, slots], radius, firms[FIRM.strategy, slots]]
    return np.column_stack(columns).astype("<f4").tobytes()


def said_of(market: MarketModel, slot: int | None) -> dict[str, Any] | None:
    """The name and the numbers of the firm in a slot; None if there is none.

    Examples
    --------
    >>> said_of(MarketModel("one-market", rng=1), 0)["title"]
    'firm 0'
    """
    firms = market.market.state.firms
    if slot is None or not 0 <= slot < firms.shape[1] or not firms[FIRM.B, slot] > 0.0:
        return None
    one = {
        name: read(market, name, np.array([slot]))[0]
        for name in ("unique_id", "name", "sector", "strategy", "share", "age", *SAID)
    }
    rows = {
        "id": f"{one['unique_id']:,}",
        "sector": one["sector"],
        "strategy": one["strategy"],
        "age": f"{one['age']:,} steps",
    }
    rows |= {"share": f"{100.0 * one['share']:.2g}% of its sector", **{name: number(one[name]) for name in SAID}}
    return {"slot": slot, "title": one["name"] or f"firm {one['unique_id']}", "rows": list(rows.items())}


class Path:
    """The T, C and R of one firm at each step since it is followed, and how it left.

    Parameters
    ----------
    market : MarketModel
    slot : int
        Of a living firm.

    Attributes
    ----------
    said : dict
        What `said_of` says of it now, or said last.
    exit : str
        When and why it left; empty while it lives.

    Examples
    --------
    >>> market = MarketModel("one-market", rng=1)
    >>> path = Path(market, 0)
    >>> market.step()
    >>> path.look()
    >>> path.column("T", 0).shape, path.exit
    ((2,), '')
    """

    def __init__(self, market: MarketModel, slot: int) -> None:
        self.market, self.slot, self.since, self.exit = market, slot, market.steps_done, ""
        self.id = int(market.market.state.firms[FIRM.id, slot])
        self._rows: list[np.ndarray] = []
        self.look()

    def look(self) -> None:
        """Keep the firm as it stands after a step."""
        firms = self.market.market.state.firms
        if not self.exit and firms[FIRM.B, self.slot] > 0.0 and firms[FIRM.id, self.slot] == self.id:
            self._rows.append(firms[[FIRM.T, FIRM.C, FIRM.R], self.slot])
            self.said = said_of(self.market, self.slot)
        elif not self.exit:
            left = self.market.market.state.left
            life = left[left["id"] == self.id][-1]
            self._rows.append(np.array([life["T"], life["C"], life["R"]]))
            self.exit = (
                f"It left at step {life['exit_step']:,} ({REASONS[life['reason']]}); these were its last numbers."
            )

    def column(self, name: str, since: int) -> np.ndarray:
        """T, C or R at each step of the market from `since` on; NaN where the firm was not followed or is gone."""
        values = np.full(self.market.steps_done + 1, np.nan)
        values[self.since : self.since + len(self._rows)] = np.array(self._rows)[:, "TCR".index(name)]
        return values[since:]

    def ring(self) -> dict[str, Any]:
        """Where it stands in the plane, or stood last."""
        return {"T": self._rows[-1][0], "C": self._rows[-1][1], "left": bool(self.exit)}
