"""What a comparison says of itself: notes on its numbers, how each was made, and the command that makes them again."""

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from abm.comparison.inputs.labels import short_list
from abm.comparison.inputs.outcomes import STRATEGY
from abm.comparison.runs import Runs
from abm.comparison.statistics.effects import WORDS
from abm.comparison.statistics.means import FEWEST
from abm.output.files import versions
from abm.output.number_text import percent

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("scipy", "matplotlib", "jinja2")


@dataclass(frozen=True)
class Options:
    """What `compare` was asked, as the command that repeats it needs it."""

    by: tuple[str, ...]
    baseline: Any
    outcomes: tuple[str, ...]
    level: float
    allow_different: bool
    paired: bool | None
    partial: bool


def left_out(runs: Runs, regimes: "pd.DataFrame", winners: "pd.DataFrame") -> Iterator[str]:
    """Which tables are empty, and why, a sentence each."""
    why = "the groups are strategies within runs" if STRATEGY in runs.by else "the runs have no such outcomes"
    for name, table in (("Regimes", regimes), ("Winners", winners)):
        if table.empty:
            yield f"{name} are left out: {why}."
    for name, table in (("Survival is", "lives"), ("Paths are", "steps")):
        if setting := runs.left_out(table):
            yield f"{name} left out: {setting}."


def warnings(table: "pd.DataFrame", runs: Runs, level: float) -> list[str]:
    """What a reader must know about the intervals, a sentence each."""
    found = []
    few = table[table["warning"] == "few runs"]
    replications = runs.frame.groupby("group", observed=True)["block"].nunique()
    small = few["group"].map(replications).astype(float) < FEWEST
    rest = "their intervals are Student's t and very uncertain."
    if small.any():
        found.append(f"Fewer than {FEWEST} replications in {short_list(few['group'][small].astype(str))}: {rest}")
    if not small.all():
        lacking = (f"{row.outcome} ({row.group}: {row.n:,})" for row in few[~small].itertuples())
        found.append(f"Fewer than {FEWEST} replications have a value of {short_list(lacking)}: {rest}")
    skewed = table[table["warning"] == "skewed"]
    if len(skewed):
        names = short_list(skewed["outcome"])
        found.append(
            "Intervals of the mean, or of the mean difference of pairs, may cover the true value less often than "
            f"{percent(level)}, since these outcomes are too skewed for so few runs: {names}."
        )
    return found


def method_of(runs: Runs, table: "pd.DataFrame", level: float, command: str) -> dict[str, Any]:
    """How each number was made."""
    paired = [group for group, is_paired in runs.paired.items() if is_paired]
    tests = int(table["p"].notna().sum())
    bounds = zip([word for _, word in WORDS[::-1]], [least for least, _ in WORDS[-2::-1]])
    sizes = ", ".join(f"{word} below {least}" for word, least in bounds)
    return {
        "groups": runs.groups,
        "baseline": runs.baseline,
        "by": list(runs.by),
        "paired": paired,
        "runs": {str(group): int(count) for group, count in runs.frame["group"].value_counts(sort=False).items()},
        "failed": runs.failed,
        "level": level,
        "interval": "Bootstrap-t of the mean over runs; whole replications are resampled where a group has several "
        f"runs of one. Yes/no outcomes: Wilson's interval with the effective number of runs. Below {FEWEST} "
        "replications: Student's t.",
        "difference": "The group's mean minus the baseline's. Where groups share seeds: the mean difference of pairs, "
        "which are runs with the same seed and the same other factors. "
        "Yes/no outcomes: Bonett and Price's interval for pairs, Newcombe's otherwise.",
        "p": f"Student's t test of the pairs, or Welch's t test; Holm's correction over all {tests} differences.",
        "cliffs_delta": f"Over all runs of both groups; {sizes}.",
        "missing": "A run without a value of an outcome is left out of that outcome's numbers and counted; infinite "
        "values count as missing. A missing structure, growth or winner is called none: the market was empty.",
        "yes_no": "structure=oligopoly is 1 for runs whose structure is oligopoly, else 0; likewise for each text.",
        "versions": versions() | {name: metadata.version(name) for name in LIBRARIES},
        "sources": [source.label for source in runs.sources],
        "command": command,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def command_of(what: Any, options: Options, out: str | os.PathLike | None) -> str:
    """The command line that makes the same comparison, or the call of `compare` where a frame was compared."""
    if hasattr(what, "columns"):
        asked = (
            f"by={list(options.by)!r}, baseline={options.baseline!r}, outcomes={list(options.outcomes)!r}, "
            f"level={options.level!r}, paired={options.paired!r}"
        )
        return f"abm.compare(frame, {asked})"
    words = ["abm", "compare", *(str(getattr(each, "folder", each)) for each in what)]
    words += [word for name in options.by for word in ("--by", name)]
    words += ["--baseline", str(options.baseline)] if options.baseline is not None else []
    words += [word for name in options.outcomes for word in ("--outcome", name)]
    words += [] if options.level == 0.95 else ["--level", f"{options.level:g}"]
    words += ["--allow-different"] if options.allow_different else []
    words += ["--partial"] if options.partial else []
    words += [] if options.paired is None else ["--paired" if options.paired else "--unpaired"]
    words += ["--out", "DIR" if out is None else str(out)]
    return shlex.join(words)
