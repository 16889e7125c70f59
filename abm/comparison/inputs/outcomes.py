"""Which outcomes are compared: texts as yes/no outcomes, and outcomes of strategies within runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from abm.comparison.inputs.rows import places_in
from abm.comparison.inputs.sources import Source
from abm.errors import InputError, nearest

if TYPE_CHECKING:
    import pandas as pd

STRATEGY = "strategy"  # the factor whose values are within runs
SHARE = "share_"  # before a strategy's name, its share of customers
NONE = "none"  # stands for a missing text: the market was empty
STRUCTURES = ("collapsed", "monopoly", "oligopoly", "moderate", "fragmented")
GROWTHS = ("virtuous", "stagnant", "vicious")
_ORDER = {word: place for place, word in enumerate([*STRUCTURES, *GROWTHS])}


def words(column: "pd.Series") -> list[str]:
    """The texts that occur in a column, those of regimes in their order, others alphabetically; none for a missing one.

    Examples
    --------
    >>> import pandas as pd
    >>> words(pd.Series(["moderate", None, "monopoly"]))
    ['monopoly', 'moderate', 'none']
    """
    found = column.dropna().astype(str).unique().tolist()
    ordered = sorted(found, key=lambda word: (_ORDER.get(word, len(_ORDER)), word))
    return ordered + [NONE] if column.isna().any() and NONE not in found else ordered


def filled(column: "pd.Series") -> "pd.Series":
    """Texts with `none` for a missing one.

    Examples
    --------
    >>> import pandas as pd
    >>> filled(pd.Series(["moderate", None])).tolist()
    ['moderate', 'none']
    """
    return column.astype(object).where(column.notna(), NONE)


def strategies_in(names: Iterable[str]) -> list[str]:
    """The strategies whose shares are among the names of outcomes, in their order.

    Examples
    --------
    >>> strategies_in(["hhi", "share_bold", "share_shy"])
    ['bold', 'shy']
    """
    return [name.removeprefix(SHARE) for name in names if name.startswith(SHARE)]


def is_text(column: "pd.Series") -> bool:
    """Whether a column holds texts rather than numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> is_text(pd.Series(["moderate", None])), is_text(pd.Series([True, False])), is_text(pd.Series([1.5, None]))
    (True, False, False)
    """
    import pandas as pd

    return not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column))


def numbers_of(frame: "pd.DataFrame") -> dict[str, dict[str, np.ndarray]]:
    """Each outcome as numbers: itself, or a column of 0 and 1 for each word of a text.

    Parameters
    ----------
    frame : DataFrame
        A row a run, a column an outcome.

    Returns
    -------
    dict of dict of float64 array
        By the column's name and then the outcome's; what is not finite is NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers_of(pd.DataFrame({"hhi": [1, 2], "winner": ["a", None]}))["winner"]
    {'winner=a': array([1., 0.]), 'winner=none': array([0., 1.])}
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    for name in frame:
        column = frame[name]
        if is_text(column):
            texts = filled(column)
            found[name] = {f"{name}={word}": (texts == word).to_numpy(np.float64) for word in words(column)}
        else:
            values = column.to_numpy(np.float64, na_value=np.nan)
            found[name] = {name: values if np.isfinite(values).all() else np.where(np.isfinite(values), values, np.nan)}
    return found


def chosen_outcomes(numbers: Mapping[str, Iterable[str]], wanted: Iterable[str]) -> list[str]:
    """The names of the outcomes that are compared.

    Parameters
    ----------
    numbers : mapping
        Of `numbers_of`.
    wanted : iterable of str
        Columns, or single outcomes as `structure=oligopoly`; nothing for all.

    Raises
    ------
    InputError
        For a name that is no outcome.

    Examples
    --------
    >>> chosen_outcomes({"hhi": ["hhi"], "winner": ["winner=a", "winner=b"]}, ["winner", "hhi"])
    ['winner=a', 'winner=b', 'hhi']
    >>> chosen_outcomes({"hhi": ["hhi"]}, ["hhl"])
    Traceback (most recent call last):
    abm.errors.InputError: unknown outcome 'hhl' (did you mean 'hhi'?)
    """
    known = {each: [each] for names in numbers.values() for each in names}
    known |= {name: list(names) for name, names in numbers.items()}
    for name in wanted:
        if name not in known:
            raise InputError(f"unknown outcome {name!r}{nearest(name, known)}")
    return list(dict.fromkeys(each for name in list(wanted) or numbers for each in known[name]))


def by_strategy(
    frame: "pd.DataFrame", rows: "pd.DataFrame", sources: Sequence[Source], keep: Sequence[str]
) -> tuple["pd.DataFrame", list[str]]:
    """A row a run and strategy instead of a row a run.

    Parameters
    ----------
    frame : DataFrame
        A row a run.
    rows : DataFrame
        `source` and `row` of each.
    sources : sequence of Source
    keep : sequence of str
        Columns that are repeated for each strategy.

    Returns
    -------
    DataFrame
        `keep`, `strategy`, and its outcomes: `share` and `firms`, means over the window; `wins`, 1 where it is the
        winner; where lives were kept `survival`, the share of its initial firms that live at the end, and
        `peak_share`, the largest share of its sector that one of its firms ever had.
    list of str
        Notes.
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
        return repeated, [f"survival and peak_share of strategies are left out: lives were not kept ({settings[0]})."]
    initial, alive = np.zeros(len(repeated)), np.zeros(len(repeated))
    peak = np.full(len(repeated), -np.inf)
    for number, source in enumerate(sources):
        lives = source.read("lives", [STRATEGY, "entry_step", "exit_step", "peak_share"])
        run = places_in(rows, number, source)[lives["run"].to_numpy()]
        which = pd.Index(names).get_indexer(lives[STRATEGY])
        known = (run >= 0) & (which >= 0)
        place = (run * count + which)[known]
        is_initial = lives["entry_step"].to_numpy()[known] == 0
        is_alive = lives["exit_step"].isna().to_numpy()[known]
        initial += np.bincount(place[is_initial], minlength=len(initial))
        alive += np.bincount(place[is_initial & is_alive], minlength=len(initial))
        np.maximum.at(peak, place, lives["peak_share"].to_numpy()[known])
    repeated["survival"] = np.where(initial > 0, alive / np.maximum(initial, 1), np.nan)
    repeated["peak_share"] = np.where(np.isfinite(peak), peak, np.nan)
    return repeated, []
