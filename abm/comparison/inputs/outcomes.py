"""Which outcomes are compared: numbers, values of texts as yes/no outcomes, and outcomes of strategies."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.rows import row_numbers
from abm.comparison.inputs.sources import Source
from abm.errors import InputError, nearest
from abm.scenario.regimes import GROWTHS, STRUCTURES

if TYPE_CHECKING:
    import pandas as pd

STRATEGY = "strategy"  # the factor whose levels occur within each run
SHARE = "share_"  # before a strategy's name, its share of customers
NONE = "none"  # stands for a missing text: the market was empty
_ORDER = {word: index for index, word in enumerate([*STRUCTURES, *GROWTHS])}


def categories_in(column: "pd.Series") -> list[str]:
    """The distinct texts of a column: regimes in their order, others alphabetically, `none` last."""
    found = column.dropna().astype(str).unique().tolist()
    ordered = sorted(found, key=lambda word: (_ORDER.get(word, len(_ORDER)), word))
    return ordered + [NONE] if column.isna().any() and NONE not in found else ordered


def with_none(column: "pd.Series") -> "pd.Series":
    """A column of texts with `none` for the missing ones."""
    return column.astype(object).where(column.notna(), NONE)


def strategies_in(names: Iterable[str]) -> list[str]:
    """The strategies whose shares are among the outcomes, in their order."""
    return [name.removeprefix(SHARE) for name in names if name.startswith(SHARE)]


def is_text(column: "pd.Series") -> bool:
    """Whether a column holds texts rather than numbers."""
    import pandas as pd

    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def numbers_of(frame: "pd.DataFrame") -> dict[str, dict[str, np.ndarray]]:
    """Each column's outcomes as float64 arrays: the column itself (NaN where not finite), or 0 and 1 for each text."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for name in frame:
        column = frame[name]
        if is_text(column):
            texts = with_none(column)
            found[name] = {f"{name}={word}": (texts == word).to_numpy(np.float64) for word in categories_in(column)}
        else:
            values = column.to_numpy(np.float64, na_value=np.nan)
            found[name] = {name: values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)}
    return found


def chosen_outcomes(numbers: Mapping[str, Iterable[str]], wanted: Iterable[str]) -> list[str]:
    """The names of the compared outcomes: all, or those of the wanted columns and single outcomes."""
    known = {each: [each] for names in numbers.values() for each in names}
    known |= {name: list(names) for name, names in numbers.items()}
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown outcome {name!r}{nearest(name, known)}")
    return list(dict.fromkeys(each for name in list(wanted) or numbers for each in known[name]))


def by_strategy(
    frame: "pd.DataFrame", rows: "pd.DataFrame", sources: Sequence[Source], keep: Sequence[str]
) -> tuple["pd.DataFrame", list[str]]:
    """A row for each run and strategy, and notes.

    The outcomes are `share` and `firms`, means over the window; `wins`, 1 where the strategy is the winner; and, where
    firm histories were kept, `survival`, the share of its initial firms that survive to the end, and `peak_share`, the
    largest share of its sector that one of its firms reached. The columns `keep` are repeated for each strategy.
    """
    import pandas as pd

    names = [name for name in strategies_in(frame) if f"firms_{name}" in frame]
    if not names:
        raise InputError("strategies cannot be compared: no outcomes share_NAME and firms_NAME")
    count = len(names)
    repeated = frame[list(keep)].loc[frame.index.repeat(count)].reset_index(drop=True)
    repeated[STRATEGY] = np.tile(np.array(names, dtype=object), len(frame))
    for name in ("share", "firms"):
        repeated[name] = frame[[f"{name}_{each}" for each in names]].to_numpy(np.float64).ravel()
    if "winner" in frame:
        repeated["wins"] = (frame["winner"].to_numpy(object)[:, np.newaxis] == np.array(names, dtype=object)).ravel()
    settings = [setting for source in sources if (setting := source.left_out("lives"))]
    if settings:
        return repeated, [
            f"survival and peak_share of strategies are left out: the runs did not keep lives ({settings[0]})."
        ]
    initial, alive = np.zeros(len(repeated)), np.zeros(len(repeated))
    peak = np.full(len(repeated), -np.inf)
    for number, source in enumerate(sources):
        lives = source.read("lives", [STRATEGY, "entry_step", "exit_step", "peak_share"])
        run = row_numbers(rows, number, source)[lives["run"].to_numpy()]
        which = pd.Index(names).get_indexer(lives[STRATEGY])
        known = (run >= 0) & (which >= 0)
        index = (run * count + which)[known]
        is_initial = lives["entry_step"].to_numpy()[known] == 0
        is_alive = lives["exit_step"].isna().to_numpy()[known]
        initial += np.bincount(index[is_initial], minlength=len(initial))
        alive += np.bincount(index[is_initial & is_alive], minlength=len(initial))
        np.maximum.at(peak, index, lives["peak_share"].to_numpy()[known])
    repeated["survival"] = np.where(initial > 0, alive / np.maximum(initial, 1), np.nan)
    repeated["peak_share"] = np.where(np.isfinite(peak), peak, np.nan)
    return repeated, []
