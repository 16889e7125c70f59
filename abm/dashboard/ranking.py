"""The firms of a market as a table of text, a page at a time."""

from typing import Any, NamedTuple

import numpy as np

from abm.agents.firm import read
from abm.dashboard.watched import WatchedMarket
from abm.market.firms import FIRM

ROWS = 10  # of a page
COLUMNS = ("firm", "sector", "strategy", "age", "share", "T", "C", "R", "Q", "B", "F")


class Asked(NamedTuple):
    """Which firms are asked for: a page of those that a text is found in, sorted by a column."""

    column: str = "share"
    descending: bool = True
    page: int = 0
    text: str = ""

    def with_(self, new: Any) -> "Asked":
        """With what a browser asks for; what no page of ours sends is ignored.

        Examples
        --------
        >>> Asked(page=3).with_({"column": "T"})
        Asked(column='T', descending=True, page=0, text='')
        >>> Asked().with_({"column": "share"}).descending, Asked().with_({"page": "x"}) == Asked()
        (False, True)
        """
        new = new if isinstance(new, dict) else {}
        if (column := new.get("column")) in COLUMNS:
            turned = column == self.column
            return self._replace(column=column, descending=not self.descending if turned else True, page=0)
        if type(page := new.get("page")) is int and page >= 0:
            return self._replace(page=page)
        if isinstance(text := new.get("text"), str):
            return self._replace(text=text[:100].strip().lower(), page=0)
        return self


def firm_page(market: WatchedMarket, asked: Asked) -> dict[str, Any]:
    """A page of firms as text, and how many there are."""
    with market.lock:
        slots = np.flatnonzero(market.market.state.firms[FIRM.B] > 0.0)
        if asked.text:
            texts = [np.char.lower(_column(market, name, slots).astype(str)) for name in ("firm", "sector", "strategy")]
            slots = slots[np.logical_or.reduce([np.char.find(each, asked.text) >= 0 for each in texts])]
        keys = read(market, "unique_id" if asked.column == "firm" else asked.column, slots)
        if keys.dtype == object:
            keys = np.unique(keys.astype(str), return_inverse=True)[1]
        order = np.argsort(-keys if asked.descending else keys, kind="stable")
        pages = max(1, -(-len(order) // ROWS))
        page = min(asked.page, pages - 1)
        shown = slots[order[page * ROWS : (page + 1) * ROWS]]
        columns = [[_text(name, value) for value in _column(market, name, shown)] for name in COLUMNS]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return {
        "columns": list(COLUMNS),
        "rows": rows,
        "firms": len(slots),
        "pages": pages,
        **asked._asdict(),
        "page": page,
    }


def _column(market: WatchedMarket, name: str, slots: np.ndarray) -> np.ndarray:
    """A column of some firms; a firm without a name is called by its number."""
    if name != "firm":
        return read(market, name, slots)
    names, numbers = (read(market, each, slots).astype(str) for each in ("name", "unique_id"))
    return np.where(names == "", np.char.add("firm ", numbers), names)


def _text(name: str, value: Any) -> str:
    if name == "share":
        return f"{100.0 * value:.2f}%"
    if name == "age":
        return f"{int(value):,}"
    return str(value) if name in ("firm", "sector", "strategy") else f"{value:.3g}"
