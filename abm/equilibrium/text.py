"""Equilibria for people: a sentence, and what `abm equilibrium` prints, a table and a line in words for each sector."""

import itertools
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from abm.equilibrium.equilibria import (
    AT_ONCE,
    NAMES,
    SPEEDS,
    ceilings_of,
    coefficients_at_gain_one,
    describe,
    equilibria,
    values_of,
)
from abm.output.tables import new_table, print_table
from abm.scenario.scenario import Scenario

# The rest points of the two readings in which no firm returns to a baseline; derived in `abm.equilibrium.equilibria`.
OTHER_READINGS = {
    "rate": "at rest only where each of T, C, R is at its baseline or at 0, and never stable: any loop gain grows",
    "increment": "at rest only at T = C = R = 0, and not stable there: every firm grows",
}


def in_words(entry: Mapping[str, Any]) -> str:
    """An entry of `describe` as a sentence.

    Examples
    --------
    >>> in_words(describe(Scenario(k1=0.9, k2=0.9, k3=0.9)))
    'loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off'
    >>> in_words(describe(Scenario(k1=2, k2=2, k3=2)))
    'loop gain 8: the baseline is unstable; firms above it take off, firms below it can rest at T = 0.5'
    """
    gain, threshold, points = entry["loop_gain"], entry["take_off_threshold"], entry["equilibria"]
    T0 = entry["baseline"]["T0"]
    place = next(place for place, each in enumerate(points) if each["is_baseline"])
    baseline, above = points[place], points[place + 1 :]
    ends = [each["T"] for each in above if each["stable"]]
    towards = f", towards T = {number(ends[0], T0)}" if ends else ""
    begin = f"loop gain {number(gain, 1.0)}: "
    if baseline["stable"]:
        begin += "the baseline is stable; "
        if threshold is None:
            return f"{begin}no push makes a firm take off"
        return f"{begin}firms pushed above T = {number(threshold, T0)} take off{towards}"
    if baseline["spectral_radius"] == 1.0:
        return f"{begin}the baseline is at the edge; firms above it take off{towards}, firms below it return slowly"
    below = " or ".join(number(each["T"], T0) for each in points[:place] if each["stable"])
    rest = f"can rest at T = {below}" if below else "come to rest nowhere"
    return f"{begin}the baseline is unstable; firms above it take off{towards}, firms below it {rest}"


def equations_in_words(scenario: Scenario) -> str:
    """Loop gain and take-off threshold of the median firm, and of sectors whose monetisation makes them differ.

    Examples
    --------
    >>> equations_in_words(Scenario())
    'The equations without ceilings: loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off.'
    """
    described = describe(scenario)
    by_k3: dict[float, list[dict[str, Any]]] = {}
    for sector in described["sectors"]:
        by_k3.setdefault(sector["k3"], []).append(sector)
    usual = described["k"]["k3"]
    sentences = [in_words(described)] if usual in by_k3 else []
    for k3, sectors in by_k3.items():
        if k3 != usual:
            place = "all sectors" if len(by_k3) == 1 else " and ".join(sector["name"] for sector in sectors)
            sentences.append(f"in {place} {in_words(sectors[0])}")
    said = f"The equations without ceilings: {'; '.join(sentences)}."
    if scenario.reading in OTHER_READINGS:
        said += f" That is literal; {scenario.reading} is {OTHER_READINGS[scenario.reading]}."
    return said


def number(value: float, reference: float) -> str:
    """A number in three digits or a few more, or in as many as distinguish it from a reference.

    Examples
    --------
    >>> number(1.2345, 1.0), number(1.00002, 1.0), number(1.0, 1.0)
    ('1.23', '1.00002', '1')
    """
    fewest = 3 if abs(value) < 1000 else 6
    if value == reference:
        return f"{value:.6g}"
    return next(f"{value:.{n}g}" for n in range(fewest, 18) if f"{value:.{n}g}" != f"{reference:.{n}g}")


def print_equilibria(scenario: Scenario, ceilings: bool, console: Console) -> None:
    """Print the equilibria of a scenario's median firm in each of its sectors.

    Parameters
    ----------
    scenario : Scenario
    ceilings : bool
        Include its ceilings in the equations.
    console : rich.console.Console
        Where to.
    """
    described = describe(scenario, ceilings=ceilings)
    values = dict(zip(NAMES, values_of(scenario, NAMES)))

    def say(name: str, text: str) -> None:
        console.print(Text.assemble((f"{name}: ", "bold"), text), soft_wrap=not console.is_terminal)

    say(scenario.name, _listed(values))
    say("ceilings", _listed(described["ceilings"]) if ceilings else "none (--ceilings includes the scenario's)")
    by_monetisation: dict[float, list[dict[str, Any]]] = {}
    for sector, sector_values in zip(scenario.sectors, described["sectors"]):
        by_monetisation.setdefault(sector.monetisation, []).append(sector_values)
    for monetisation, sectors in by_monetisation.items():
        console.print()
        say(f"k3 = {sectors[0]['k3']:g}", ", ".join(sector["name"] for sector in sectors))
        print_table(_table(scenario, sectors[0], monetisation, ceilings), console)
    console.print()
    for sector in described["sectors"]:
        say(sector["name"], in_words(sector))
    console.print()
    say("loop gain 1", f"{_listed(coefficients_at_gain_one(*values.values()))}, each alone, at a monetisation of 1")
    if scenario.reading in OTHER_READINGS:
        say("reading", f"all of this is literal; {scenario.reading} is {OTHER_READINGS[scenario.reading]}")


def _table(scenario: Scenario, entry: Mapping[str, Any], monetisation: float, ceilings: bool) -> Table:
    """An entry's equilibria, and their stability at the scenario's speeds too where these are not all 1."""
    speeds = tuple(values_of(scenario, SPEEDS))
    columns = {"spectral radius": [(each["spectral_radius"], each["stable"]) for each in entry["equilibria"]]}
    if speeds != AT_ONCE:
        options = {"monetisation": monetisation, "speeds": speeds, "ceilings": ceilings_of(scenario, ceilings)}
        slower = equilibria(*values_of(scenario, NAMES), **options)
        columns[f"at speeds {', '.join(f'{v:g}' for v in speeds)}"] = [each[3:5] for each in slower]
    table = new_table()
    for heading in ("T", "C", "R", *itertools.chain(*((name, "") for name in columns))):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for each, *stability in zip(entry["equilibria"], *columns.values()):
        row = [number(each[x], entry["baseline"][f"{x}0"]) for x in "TCR"]
        for radius, stable in stability:
            row += [number(radius, 1.0), "stable" if stable else "unstable"]
        table.add_row(*row, style="bold" if each["is_baseline"] else "")
    return table


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value:.4g}" for name, value in values.items())
