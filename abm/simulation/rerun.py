"""What a run's directory keeps to make the run again."""

import platform
from pathlib import Path
from typing import Any, NamedTuple

from abm.errors import InputError, shown
from abm.output.files import versions
from abm.output.run_folder import ABOUT, KEPT_TABLE, read_about
from abm.scenario.rules import rules_of
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import read_firm_table


class Start(NamedTuple):
    """How a run was started; `notes` say why its bits may differ here."""

    scenario: Path
    seed: int
    firms: Path | None
    level: str
    every: int
    panel: int
    follow: list[str]
    notes: list[str]


def read_start(folder: Path) -> Start:
    """How the run of a directory was started.

    Raises
    ------
    InputError
        If the directory holds no run, or its scenario or firm table is not that of the run any more.
    """
    path, about = folder / ABOUT, read_about(folder)
    told = Scenario.stored(path)
    if rules := rules_of(told):
        raise InputError(
            f"{folder}: the run followed {', '.join(rules)}, and no code is run from a folder of results; {path.name} "
            f"holds the text under rules: save it beside a copy of scenario.toml, read it, and run that by "
            f"abm run SCENARIO --seed {about.get('seed')}"
        )
    if "each_step" in about:
        raise InputError(
            f"{folder}: the run called {about['each_step']} before each step, which is not kept; make it again by "
            "simulate(scenario, seed, each_step=…)"
        )
    scenario = folder / "scenario.toml"
    if not scenario.exists():  # a run of an earlier version
        scenario = path
    elif Scenario.load(scenario).to_dict() != told.to_dict():
        raise InputError(f"{scenario}: is not the scenario of the run any more, which {path} tells")
    seed = _value(about, "seed", int, path)
    every, panel = _value(about, "every", int, path), _value(about, "panel", int, path)
    level = _value(about, "level", str, path)
    if level not in ("light", "full"):
        raise InputError(f"{path}: level = {shown(level)} is not light or full")
    firms = None
    if (digest := about.get("firm_table_hash")) is not None:
        firms = folder / KEPT_TABLE
        if read_firm_table(firms, Scenario.load(scenario)).digest != digest:
            raise InputError(f"{firms}: is not the firm table that the run started from")
    notes = _differences(about)
    if own := about.get("measures"):
        notes.append(f"the measures of the user's own, {', '.join(map(str, own))}, are not made again")
    follow = [str(name) for name in about.get("follow") or []]
    return Start(scenario, seed, firms, level, every, panel, follow, notes)


def _value(about: dict[str, Any], key: str, kind: type, path: Path) -> Any:
    value = about.get(key)
    if type(value) is not kind:
        raise InputError(f"{path}: {key} = {shown(value)} is not {'an integer' if kind is int else 'a text'}")
    return value


def _differences(about: dict[str, Any]) -> list[str]:
    """What differs from the process in which the run was made."""
    then = about.get("versions") if isinstance(about.get("versions"), dict) else {}
    texts = [f"{name} {then.get(name)} (here {now})" for name, now in versions().items() if then.get(name) != now]
    if about.get("machine") != platform.machine():
        texts.append(f"{about.get('machine')} processors (here {platform.machine()})")
    return [f"the run was made with {', '.join(texts)}: last bits may differ"] if texts else []
