"""What a design file says, as the attributes of the design: its scenario, factors, functions and firm table are read.

Whatever is refused raises `InputError` with the section, the key, the value and what is allowed.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from abm.errors import InputError, nearest
from abm.scenario.library import find_text
from abm.scenario.rules import UserFunction, read_rules, with_sources
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import read_firm_table
from abm.simulation.outcome_list import names as listed_names
from abm.simulation.own_measures import read_measures
from abm.sweeps.design.factors import Factor, read_points
from abm.sweeps.design.futures import with_future
from abm.sweeps.design.sections import by_parameter, within
from abm.sweeps.design.settings import DesignFile, Replications


def attributes_of(given: DesignFile, folder: str | os.PathLike) -> dict[str, Any]:
    """The attributes of the design that a file describes; its paths are relative to `folder`."""
    with within("scenario:"):
        base = Scenario.from_named(find_text(given.scenario, "scenario", folder))
    with within("[set]"):
        own = dict(given.set)
        if isinstance(own.get("changes"), list):  # [[set.changes]], further ones beside the scenario's
            base = base.replace(changes=[*base.changes, *own.pop("changes")])
        known = base.settable()
        fixed = by_parameter(own, known)
        scenario = base.replace(**with_sources(fixed, read_rules(fixed.values(), folder)))
    with within("[replications]"):
        if given.replications.from_step is not None:
            scenario = with_future(scenario, given.replications.from_step, given.replications.seed)
    sampling = given.design
    with within("[factors]"):
        varied = by_parameter(given.factors, known)
        if sampling.method == "list" and varied:
            raise InputError('must be empty for method = "list": its file has a column a factor')
        factors = {name: Factor.read(name, value, known[name]) for name, value in varied.items()}
    listed = None
    with within("[design]"):
        if sampling.method == "list":
            listed = read_points(Path(folder, sampling.file), known)
            factors = {name: Factor(name, known[name], tuple(dict.fromkeys(listed[name].tolist()))) for name in listed}
        sampling.check_points(list(factors.values()))
    with within("[factors]"):
        rules = read_rules([level for factor in factors.values() for level in factor.listed], folder)
    for name in factors:
        # A factor KEY also overwrites sectors.NAME.KEY.
        for other in fixed:
            if other == name or (other.endswith(f".{name}") and not other.startswith("changes.")):
                raise InputError(f"[set] {other} would be overwritten by the factor {name}")
    with within("[intervention]"):
        intervention = given.intervention and given.intervention.read(folder)
    measures: dict[str, UserFunction] = {}
    if given.collect.measures is not None:
        with within("[collect]"):
            measures = read_measures(given.collect.measures, folder, [each.name for each in scenario.strategies])
    with within("[replications]"):
        _check_until(given.replications, scenario, given.collect.level == "full", measures)
    firms_path = firms = None
    if given.firms is not None:
        with within("firms:"):
            firms_path = Path(folder, given.firms)
            firms = read_firm_table(firms_path, scenario)
    return {
        "scenario": scenario,
        "firms": firms,
        "firms_path": firms_path,
        "factors": factors,
        "method": sampling.method,
        "points": sampling.points,
        "seed": sampling.seed,
        "replications": given.replications,
        "collect": given.collect,
        "rules": rules,
        "intervention": intervention,
        "measures": measures,
        "_listed": listed,
    }


def _check_until(replications: Replications, scenario: Scenario, full: bool, measures: Iterable[str]) -> None:
    """Refuse an outcome that the runs will not have, or that is a word."""
    if replications.until is None:
        return
    name, strategies = replications.until.outcome, [each.name for each in scenario.strategies]
    known = [*listed_names("outcomes", strategies, full), *measures]
    if name in ("winner", "structure", "growth"):
        raise InputError(f"until: {name} is a word; the mean of a number is made sure of")
    if name not in known:
        raise InputError(f"until: unknown outcome {name!r}{nearest(name, known)}")
