"""What pictures, the terminal and the page say of markets whose firms diverged or are gone."""

from typing import Any

import numpy as np


def ends_in_words(diverged: int, first: int, empty: int | None) -> list[str]:
    """How many firms diverged and since when, and since when a market is empty, each if it is so.

    Parameters
    ----------
    diverged : int
        Number of firms that left because T, C, P or Q exceeded 1e9.
    first : int
        The step at which the first of them did.
    empty : int or None
        The step from which on there is no firm.

    Examples
    --------
    >>> ends_in_words(1200, 7, 9)
    ['1,200 firms diverged, the first at step 7', 'no firm from step 9 on']
    >>> ends_in_words(0, 0, None)
    []
    """
    said = [f"{diverged:,} firm{'s' * (diverged != 1)} diverged, the first at step {first:,}"] if diverged else []
    return said if empty is None else [*said, f"no firm from step {empty:,} on"]


def ends_of(result: Any) -> list[str]:
    """The same of a run, by its lives: they hold every step, whichever of them its tables keep.

    Parameters
    ----------
    result : Result
        Of `abm.simulate`.
    """
    exits, reasons = result.lives["exit_step"], result.lives["reason"]
    diverged = exits[reasons == "diverged"]
    first = int(diverged.min()) if len(diverged) else 0
    empty = None if len(result.firms) else int(exits.max()) if exits.notna().any() else 0
    return ends_in_words(len(diverged), first, empty)


def ends_of_rows(firms: np.ndarray, diverged: np.ndarray) -> list[str]:
    """The same of the rows of all steps, the start's first.

    Parameters
    ----------
    firms, diverged : float64 array, shape (steps + 1,)
        Numbers of firms that live, and of those that diverged, at each step.

    Examples
    --------
    >>> ends_of_rows(np.array([3.0, 1.0, 0.0]), np.array([0.0, 2.0, 1.0]))
    ['3 firms diverged, the first at step 1', 'no firm from step 2 on']
    """
    steps, living = np.flatnonzero(diverged > 0.0), np.flatnonzero(firms > 0.0)
    empty = None if firms[-1] > 0.0 else int(living[-1]) + 1 if living.size else 0
    return ends_in_words(int(np.nansum(diverged)), int(steps[0]) if steps.size else 0, empty)
