"""A search in words: the answer in one sentence, and what the reader must know beside it."""

from collections.abc import Iterator

from abm.comparison.report.wording import p_in_sentence
from abm.discovery.condition import Condition
from abm.discovery.search import Search
from abm.discovery.stability import LEVEL, middle_and_ends
from abm.discovery.tree import rule
from abm.output.number_text import percent

_ELSEWHERE = 0.6  # coverage below which cases lie in other places too


def answer(search: Search, condition: Condition) -> str:
    """The found box, or that nothing is found, in one sentence."""
    cases, runs = int(search.space.cases.sum()), int(search.space.runs.sum())
    what = condition.noun
    if search.why_not == "none":
        return f"Nothing found: none of {runs:,} runs {'are ' + what if what else 'meets ' + condition.text}."
    if search.why_not == "all":
        return f"Nothing found: all {runs:,} runs {'are ' + what if what else 'meet ' + condition.text}."
    base = f"{cases:,} of {runs:,} runs ({percent(cases / runs)}) {'are ' + what if what else 'meet ' + condition.text}"
    if search.why_not:
        chance = "" if search.why_not == "no box" else f" ({p_in_sentence(search.resamples.p)})"
        return f"Nothing found: {base}, and no box is denser than the whole by more than chance{chance}."
    held = search.held
    tells = (
        f"are {what}, {percent(held.coverage)} of all {what}"
        if what
        else f"meet it, {percent(held.coverage)} of all that do"
    )
    return f"{rule(search.space, search.box)}: {percent(held.density)} of runs there {tells}."


def sentences_beside(search: Search, condition: Condition) -> Iterator[str]:
    """The sentences below the answer: all runs, and the box on points left out of its search."""
    if search.why_not:
        return
    space = search.space
    cases, runs = int(space.cases.sum()), int(space.runs.sum())
    held = search.held
    what = f"are {condition.noun}" if condition.noun else f"meet {condition.text}"
    yield (
        f"Of all {runs:,} runs {percent(space.density)} {what}. The box holds {held.runs:,} runs "
        f"({percent(held.mass)}) of {held.points:,} points, and {held.cases:,} of {cases:,} cases."
    )
    density, coverage = (middle_and_ends(each) for each in (search.resamples.density, search.resamples.coverage))
    yield (
        f"On points left out of the search: density {_range(density)}, coverage {_range(coverage)} "
        f"(median and the middle {percent(LEVEL)} of {len(search.resamples.boxes):,} resamples), "
        f"{p_in_sentence(search.resamples.p)}."
    )


def _range(found: tuple[float, float, float]) -> str:
    middle, low, high = found
    return f"{percent(middle)} [{percent(low)}, {percent(high)}]"


def notes(search: Search) -> Iterator[str]:
    """Notes on how the box was made, and on cases outside of it."""
    if search.why_not:
        return
    peeled = search.boxes[search.index]
    if any((one != other).any() for one, other in zip(peeled, search.box)):
        yield (
            f"It comes from box {search.index} of the trajectory ({rule(search.space, peeled)}); limits were moved "
            "where that clearly raises its correlation with the outcome, and removed where they could be chance."
        )
    if search.held.coverage < _ELSEWHERE:
        yield (
            f"{percent(1.0 - search.held.coverage)} of the cases lie elsewhere: the tree shows whether in another box."
        )
