"""A comparison from its runs to its tables and its report."""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from abm.comparison.findings import Findings
from abm.comparison.inputs.reading import as_list
from abm.comparison.method import Options, command_of, left_out, method_of, warnings
from abm.comparison.report.paper import FILES as FIGURES
from abm.comparison.report.paper import write_figures
from abm.comparison.runs import Runs, collect_runs
from abm.errors import check_share
from abm.output.files import write_csv, write_json, write_parquet
from abm.output.new_folder import check_separate, new_folder

TABLES = (
    *("comparison", "regimes", "regime_changes", "winners", "enough"),
    *("survival", "log_rank", "trajectories", "partings", "change_paths", "change_effects"),
)
REPORT, ABOUT = "report.html", "comparison.json"
FILES = (*(f"{name}.{suffix}" for name in TABLES for suffix in ("csv", "parquet")), REPORT, ABOUT)
_STAGES = 5  # after the groups' outcomes: regimes and winners, survival, paths, sample sizes, the report


class Comparison(Findings):
    """What `compare` found: a table for each question, empty where the runs did not keep the data for it.

    Attributes
    ----------
    comparison : DataFrame
        A row for each outcome of each group: `outcome group n failed mean sd median low high`, with `low` and `high`
        the interval of the mean; `difference difference_low difference_high`, the mean minus the baseline's;
        `cliffs_delta` (-1 to 1), `p_holm` (p after Holm's correction over the whole table) and `paired`. Then a column
        for each factor where several make the groups, the other quantiles, `p`, `pairs`, `method` and `warning`.
        Means and differences are in the outcome's unit.
    regimes : DataFrame
        `group structure growth n share low high runs`: the share of a group's runs that end in each regime.
    regime_changes : DataFrame
        `group structure growth difference low high paired`: each share minus the baseline's.
    winners : DataFrame
        `group strategy n share low high margin runs`: the share of runs that each strategy wins, and the mean distance
        of its share of customers from the second's in them.
    enough : DataFrame
        `outcome group given runs half_width relative n`: the half-width of the interval that a number of runs gives
        (`given` is `runs`), and the number of runs that a half-width takes (`given` is `half_width`).
    survival : DataFrame
        `group strategy step at_risk survival low high sector cohort runs`: Kaplan-Meier curves; `step` is a firm's age.
    log_rank : DataFrame
        `group strategy sector cohort against firms exits expected ratio chi_square`: exits beside the exits expected
        if all firms had the same hazard at the same age.
    trajectories : DataFrame
        `group measure step median low high q10 q90 n`: measures of the market over the steps, over runs.
    partings : DataFrame
        `measure group other step step_median higher`: the first step from which two groups' paths differ to the end.
    change_paths : DataFrame
        `group measure since median low high q10 q90 n`: by steps since a change on the way, the difference of the paths
        of runs with the change and of the baseline's with the same seed.
    change_effects : DataFrame
        `group measure since steps sum sum_low sum_high mean mean_low mean_high n`: these differences summed over the
        steps from the change on, in the measure's unit times steps, and their mean by step.
    notes : list of str
        What a reader must know about the numbers, a sentence each.
    method : dict
        How each number was made, and the versions and the command that make it again.
    runs : Runs
        The runs in their groups.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2], "hhi": [900.0, 800.0, 950.0, 700.0]})
    >>> compare(frame, by="churn")
    Comparison(1 outcomes in 2 groups, 4 rows; baseline 0.1)
    """

    def __repr__(self) -> str:
        groups = f"{len(self.runs.groups)} groups, {len(self.runs.frame):,} rows"
        return f"Comparison({len(self.runs.names)} outcomes in {groups}; baseline {self.runs.baseline})"

    def save(self, folder: str | os.PathLike) -> None:
        """Write the tables as CSV and Parquet, the report, and how they were made.

        Parameters
        ----------
        folder : path
            A directory that exists. A table that is empty is not written.

        Raises
        ------
        OSError
            If a file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"churn": [0.1, 0.2] * 2, "seed": [1, 1, 2, 2], "hhi": [900.0, 800.0, 950.0, 700.0]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     compare(frame, by="churn").save(folder)
        ...     sorted(path.name for path in Path(folder).glob("*.csv"))
        ['comparison.csv', 'enough.csv']
        """
        from abm.comparison.report.html import write_report

        folder = Path(folder)
        for name in TABLES:
            table = getattr(self, name)
            if table.empty:  # a note says why
                continue
            categories = table.select_dtypes("category").columns
            plain = table.astype(dict.fromkeys(categories, object))
            write_csv(plain, folder / f"{name}.csv")
            write_parquet(plain, folder / f"{name}.parquet")
        write_report(self, folder, self.method["command"])
        write_json({"notes": self.notes, **self.method}, folder / ABOUT)


def compare(
    what: Any,
    *,
    by: str | Sequence[str] = (),
    baseline: Any = None,
    outcomes: str | Iterable[str] = (),
    level: float = 0.95,
    allow_different: bool = False,
    paired: bool | None = None,
    partial: bool = False,
    out: str | os.PathLike | None = None,
    overwrite: bool = False,
    figures: str | os.PathLike | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Comparison:
    """Compare outcomes between groups of runs.

    Parameters
    ----------
    what : path, SweepResults, DataFrame, or a sequence of paths and SweepResults
        Sweeps or single runs; or a frame with a row for each run and the columns factors, `seed` and outcomes, such as
        `SweepResults.outcomes` or `simulate_many(...).outcomes`. Single runs of the same scenario form one group.
    by : str or sequence of str
        Factors whose levels are the groups; `strategy` for the strategies within runs. By default the only factor of a
        sweep, or the directories where there are several.
    baseline : str or number, optional
        The group that the others are compared with, by its label or value. By default the first group.
    outcomes : str or sequence of str
        The compared outcomes, as `hhi` or `structure=oligopoly`. By default all.
    level : float
        Confidence level of the intervals, between 0 and 1.
    allow_different : bool
        Compare runs of different scenarios, numbers of steps, firm tables or versions nevertheless.
    paired : bool, optional
        Compare run by run (True) or as independent samples (False). By default run by run where groups share seeds.
    partial : bool
        Read sweeps that are not finished, also while they run. Unless `paired` is False, only replications that every
        point has are compared where points share seeds; a note says how many runs there are.
    out : path, optional
        Directory for tables and report. By default nothing is written.
    overwrite : bool
        Replace an earlier comparison in these directories.
    figures : path, optional
        Another directory, for a paper: each picture as PDF and SVG, each table as LaTeX.
    progress : callable, optional
        Called with the current task, the number of finished parts and the number of all parts.

    Returns
    -------
    Comparison
        Means, differences and their intervals are in the outcomes' units, shares between 0 and 1.

    Raises
    ------
    InputError
        If an option is invalid, the runs cannot be compared as asked, or a directory cannot be used.

    References
    ----------
    Intervals: Hall (1988), Wilson (1927), Newcombe (1998), Bonett and Price (2012). Cliff's delta: Romano et al.
    (2006). Correction for many tests: Holm (1979). `experiments/coverage.py` measures the intervals' coverage.

    Examples
    --------
    >>> from abm import Scenario, simulate_many
    >>> small = Scenario(capacity=20, steps=10)
    >>> many = simulate_many([small, small.replace(churn=0.9)], seeds=range(5), every=0)
    >>> found = compare(many.outcomes, outcomes="hhi")
    >>> found.comparison[["outcome", "group", "n", "paired"]]
      outcome group  n  paired
    0     hhi     0  5   False
    1     hhi     1  5    True
    """
    check_share("level", level)
    by, outcomes = ((each,) if isinstance(each, str) else tuple(each) for each in (by, outcomes))
    what = as_list(what)
    command = command_of(what, Options(by, baseline, outcomes, level, allow_different, paired, partial), out)
    if out is not None and figures is not None:
        check_separate(out, figures)
    with contextlib.ExitStack() as folders:
        folder = paper = None
        if out is not None:
            folder = folders.enter_context(new_folder(out, overwrite=overwrite, kind="comparison", files=FILES))
        if figures is not None:
            written = new_folder(figures, overwrite=overwrite, kind="comparison's figures", files=FIGURES)
            paper = folders.enter_context(written)
        runs = collect_runs(
            what,
            by=by,
            baseline=baseline,
            outcomes=outcomes,
            allow_different=allow_different,
            paired=paired,
            partial=partial,
        )
        watch = _Progress(progress, len(runs.groups) + _STAGES)
        comparison = _findings(runs, level, watch, command)
        if folder is not None:
            watch("report")
            comparison.save(folder)
        if paper is not None:
            watch("figures")
            write_figures(comparison, paper)
    return comparison


class _Progress:
    """Reports how far a comparison is."""

    def __init__(self, progress: Callable[[str, int, int], None] | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def __call__(self, what: str, finished: int = 0) -> None:
        self.done += finished
        if self.progress:
            self.progress(what, self.done, self.total)


def _findings(runs: Runs, level: float, watch: _Progress, command: str) -> Comparison:
    """All tables of a comparison."""
    from abm.comparison.tables.change_effects import change_effects
    from abm.comparison.tables.effects import comparison_table
    from abm.comparison.tables.paths import divergences, trajectories
    from abm.comparison.tables.regimes import regimes
    from abm.comparison.tables.sample_size import sample_sizes
    from abm.comparison.tables.survival import log_rank, survival
    from abm.comparison.tables.winners import winners

    notes = list(runs.notes)
    watch("outcomes")
    table = comparison_table(runs, level, advance=lambda: watch("outcomes", 1))
    watch("regimes and winners")
    shares, changes = regimes(runs, level)
    won = winners(runs, level)
    watch("survival", 1)
    curves, ranks = survival(runs, level), log_rank(runs)
    watch("paths", 1)
    paths = trajectories(runs, level)
    parted, changed = divergences(paths), change_effects(runs, level)
    watch("sample sizes", 1)
    widths = sample_sizes(runs, level)
    watch("report", 1)
    notes += left_out(runs, shares, won)
    notes += warnings(table, runs, level)
    about = method_of(runs, table, level, command)
    return Comparison(table, shares, changes, won, widths, curves, ranks, paths, parted, *changed, notes, about, runs)
