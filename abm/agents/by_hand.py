"""Firms changed by hand between two steps: the market's sums follow, and the next row of measures shows the change.

Setting a value only notes the change, which is cheap. Sums of customers are computed again when shares are read, block
by block; all other sums before the next step. The row of the next step counts firms that were founded and closed by
hand among its entries and exits, and compares shares with those of the row before.
"""

from typing import TYPE_CHECKING

import numpy as np

from abm.market.aggregate import recompute_bases, recompute_sums
from abm.market.firms import FIRM
from abm.market.measures import MEASURE
from abm.market.run import FIRST_MEASURE
from abm.market.sums import SUM

if TYPE_CHECKING:
    from abm.simulation.market import Market


class Changes:
    """The changes by hand in a market since its last step.

    Attributes
    ----------
    pending : bool
        Whether a firm was changed since all sums were last computed.
    moves : int
        Firms that were founded or closed by hand so far.
    """

    def __init__(self, market: "Market") -> None:
        self._market = market
        self.pending = False
        self.moves = 0
        self._stale: set[int] = set()  # blocks whose customers must be summed again
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # B by slot and by sector at the last row of measures
        # Firms founded and closed since the last row, shape (2, sectors).
        self._flows = np.zeros((2, len(market.sector_names)))
        self._tally: np.ndarray | None = None  # the means of the window before the step under way

    def note(self, row: int, slots: np.ndarray) -> None:
        """Note that a row of `State.firms` is about to be changed in some slots."""
        self.pending = True
        if row == FIRM.B:
            state = self._market.state
            if self._last is None:
                self._last = state.firms[FIRM.B].copy(), state.sectors["base"].copy()
            self._stale.update((np.searchsorted(state.blocks["start"], slots, side="right") - 1).tolist())

    def note_move(self, sector: int, *, founded: bool) -> None:
        """Note that a firm was founded or closed in a sector."""
        self.moves += 1
        self._flows[0 if founded else 1, sector] += 1.0

    def vacant(self, slots: range) -> np.ndarray:
        """The vacant ones of some slots, those first that held no firm at the last row."""
        firms = self._market.state.firms
        vacant = slots.start + np.flatnonzero(firms[FIRM.B, slots.start : slots.stop] == 0.0)
        held = np.zeros(len(vacant), dtype=bool) if self._last is None else self._last[0][vacant] > 0.0
        return np.concatenate([vacant[~held], vacant[held]])

    def bases(self) -> np.ndarray:
        """Sum of B in each sector now, shape (sectors,)."""
        state = self._market.state
        for block in self._stale:
            recompute_bases(state, block)
        # Blocks are added up one by one, as the kernels do: the bits are the same.
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
        if self._last is not None or self._flows.any():
            self._tally = self._market.record.tally.copy()

    def after_step(self) -> None:
        """Tell of the changes by hand in the rows of the step just made, and in what is kept of them."""
        if self._tally is None:
            return
        rows = self._market.record.present
        for place, flow in zip((MEASURE.entries, MEASURE.exits), self._flows, strict=True):
            rows[0, place] += flow.sum()
            rows[1:, place] += flow
        if self._last is not None:
            self._measure_instability(rows)
        self._keep(rows)
        self._flows[:] = 0.0
        self._last = self._tally = None

    def _measure_instability(self, rows: np.ndarray) -> None:
        """How far shares moved since the last row, with the changes by hand."""
        state = self._market.state
        now, (last, last_bases) = state.firms[FIRM.B], self._last
        bases = state.sectors["base"]
        rows[0, MEASURE.instability] = _moved(now, bases.sum(), last, last_bases.sum())
        borders = np.concatenate([[0], np.cumsum(self._market.layout.slots)])
        for sector in range(len(bases)):
            own = slice(borders[sector], borders[sector + 1])
            rows[1 + sector, MEASURE.instability] = _moved(now[own], bases[sector], last[own], last_bases[sector])

    def _keep(self, rows: np.ndarray) -> None:
        """The engine kept the step's rows, and their part in the means of the window, without the changes by hand."""
        record, step, measures = self._market.record, self._market.steps_done, rows.shape[1]
        if record.plan.every and step % record.plan.every == 0:
            record.rows[step // record.plan.every - 1] = rows
        if step < record.plan.window_start:
            return
        for measure in (MEASURE.entries, MEASURE.exits, MEASURE.instability):  # always numbers
            place = FIRST_MEASURE + measure
            mean, count = self._tally[place], record.tally[place + measures]
            record.tally[place] = mean + (rows[0, measure] - mean) / count


def _moved(now: np.ndarray, base: float, before: np.ndarray, base_before: float) -> float:
    """Half of Σ|s − s before|; a group without firms has no shares."""
    shares = now / base if base > 0.0 else np.zeros_like(now)
    shares_before = before / base_before if base_before > 0.0 else np.zeros_like(before)
    return 0.5 * float(np.abs(shares - shares_before).sum())
