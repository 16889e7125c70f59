"""Firms changed by hand between two steps: the market's sums follow, and the next row of measures shows the change.

Setting a value only notes the change, which is cheap. Sums of customers are computed again when shares are read, block
by block; all other sums before the next step.
"""

from typing import TYPE_CHECKING

import numpy as np

from abm.market.aggregate import recompute_sums
from abm.market.arrays import FIRM
from abm.market.measures import MEASURE
from abm.market.sums import SUM

if TYPE_CHECKING:
    from abm.simulation.market import Market


class Changes:
    """The changes by hand in a market since its last step.

    Attributes
    ----------
    pending : bool
        Whether a firm was changed since all sums were last computed.
    """

    def __init__(self, market: "Market") -> None:
        self._market = market
        self.pending = False
        self._stale: set[int] = set()  # blocks whose customers must be summed again
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # B by slot and by sector at the last row of measures

    def note(self, row: int, slots: np.ndarray) -> None:
        """Note that a row of `State.firms` is about to be changed in some slots."""
        self.pending = True
        if row == FIRM.B:
            state = self._market.state
            if self._last is None:
                self._last = state.firms[FIRM.B].copy(), state.sectors["base"].copy()
            self._stale.update((np.searchsorted(state.blocks["start"], slots, side="right") - 1).tolist())

    def bases(self) -> np.ndarray:
        """Sum of B in each sector now, shape (sectors,)."""
        state = self._market.state
        # Summed slot by slot and block by block, as the kernels do: the bits are the same.
        for block in self._stale:
            customers = state.firms[FIRM.B, state.blocks["start"][block] : state.blocks["stop"][block]]
            state.sums[block, SUM.B] = np.add.accumulate(customers)[-1]
        for sector in {int(state.blocks["sector"][block]) for block in self._stale}:
            sums = state.sums[: len(state.blocks), SUM.B][state.blocks["sector"] == sector]
            state.sectors["base"][sector] = np.add.accumulate(sums)[-1]
        self._stale.clear()
        return state.sectors["base"]

    def recompute_sums(self) -> None:
        """Compute all sums over firms again, if a firm was changed."""
        if self.pending:
            recompute_sums(self._market.state, self._market.parameters, self._market.scratch[0])
            self.pending = False
            self._stale.clear()

    def before_step(self) -> None:
        """Compute all sums again, and drop the B of the last row if no firm has another B now."""
        self.recompute_sums()
        if self._last is not None and np.array_equal(self._last[0], self._market.state.firms[FIRM.B]):
            self._last = None

    def after_step(self) -> None:
        """Measure how far shares moved since the last row, with the changes by hand."""
        if self._last is None:
            return
        state, rows = self._market.state, self._market.record.present
        now, (last, last_bases) = state.firms[FIRM.B], self._last
        bases = state.sectors["base"]
        rows[0, MEASURE.instability] = _moved(now, bases.sum(), last, last_bases.sum())
        borders = np.concatenate([[0], np.cumsum(self._market.layout.slots)])
        for sector in range(len(bases)):
            own = slice(borders[sector], borders[sector + 1])
            rows[1 + sector, MEASURE.instability] = _moved(now[own], bases[sector], last[own], last_bases[sector])
        self._last = None


def _moved(now: np.ndarray, base: float, before: np.ndarray, base_before: float) -> float:
    """Half of Σ|s − s before|; a group without firms has no shares."""
    shares = now / base if base > 0.0 else np.zeros_like(now)
    shares_before = before / base_before if base_before > 0.0 else np.zeros_like(before)
    return 0.5 * float(np.abs(shares - shares_before).sum())
