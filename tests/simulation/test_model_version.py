"""Whoever changes the model's results raises MODEL_VERSION, or sweeps would mix runs of both.

`model_version.json` holds outcomes of the bundled scenarios and the version that gave them. After results were changed
on purpose: raise `MODEL_VERSION` in `abm/version.py`, then make the file anew by
`python -m tests.simulation.test_model_version`.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from abm import MODEL_VERSION, Scenario, simulate

FILE = Path(__file__).with_name("model_version.json")
SEEDS = (1, 2)
STEPS = 60
REMAKE = "python -m tests.simulation.test_model_version"


def runs() -> dict[str, Scenario]:
    """The bundled scenarios, and what they leave out."""
    small = {"steps": STEPS, "capacity": 120}
    found = {name: Scenario.load(name).replace(**small) for name in Scenario.bundled()}
    four = found["four-sectors"]
    found["rate"] = four.replace(reading="rate", runway=2.0, outside_capital=0.5, spillover=0.05)
    found["increment"] = four.replace(reading="increment", policy="adaptive", technology_noise=0.05)
    found["imitate"] = four.replace(policy="imitate", entry_rate=0.2, competitiveness_noise=0.05, innovation_drag=0.5)
    return found


def outcomes(scenario: Scenario, seed: int) -> dict[str, Any]:
    """Outcomes as JSON has them: a missing number is null."""
    found = {
        name: getattr(value, "item", lambda value=value: value)()
        for name, value in simulate(scenario, seed).outcomes.items()
    }
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in found.items()}


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of outcomes that are not as they were to 1e-9, or are there once only."""

    def same(name: str) -> bool:
        a, b = before[name], now[name]
        if isinstance(a, int | float) and isinstance(b, int | float):
            return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
        return a == b

    return sorted(name for name in before | now if name not in before or name not in now or not same(name))


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    return json.loads(FILE.read_text("utf-8"))


def test_the_stored_results_are_of_this_version_and_of_these_scenarios(stored):
    assert stored["version"] == MODEL_VERSION, f"make the stored results anew: {REMAKE}"
    assert list(stored["outcomes"]) == list(runs()), f"make the stored results anew: {REMAKE}"


@pytest.mark.parametrize("name", runs())
def test_results_change_with_the_version_of_the_model_only(stored, name):
    if stored["version"] != MODEL_VERSION:  # which the test above fails for, and says what to do
        pytest.skip("the stored results are of another version")
    for seed in SEEDS:
        changed = differences(stored["outcomes"][name][str(seed)], outcomes(runs()[name], seed))
        assert not changed, (
            f"{name}, seed {seed}: {', '.join(changed)} changed; if that is meant, raise MODEL_VERSION "
            f"(now {MODEL_VERSION}) and make the stored results anew: {REMAKE}"
        )


def test_a_difference_is_seen(stored):
    before = stored["outcomes"]["four-sectors"]["1"]
    assert differences(before, dict(before)) == []
    assert differences(before, before | {"hhi": before["hhi"] * (1 + 1e-12)}) == []
    assert differences(before, before | {"hhi": before["hhi"] * (1 + 1e-8)}) == ["hhi"]
    assert differences(before, before | {"peak_step": before["peak_step"] + 1}) == ["peak_step"]
    assert differences(before, before | {"winner": "nobody"}) == ["winner"]
    assert differences(before, before | {"hill": 2.0 if before["hill"] is None else None}) == ["hill"]
    assert differences(before, before | {"new": 1.0}) == ["new"]
    assert differences(before | {"old": 1.0}, before) == ["old"]


def test_the_stored_results_are_of_markets_in_which_something_happens(stored):
    for name, by_seed in stored["outcomes"].items():
        assert differences(by_seed["1"], by_seed["2"]), name
        assert sum(value is not None for value in by_seed["1"].values()) > 50
    kinds = {run["structure"] for by_seed in stored["outcomes"].values() for run in by_seed.values()}
    assert len(kinds) > 1


def main() -> None:
    """Store what the present model gives."""
    found = {name: {str(seed): outcomes(scenario, seed) for seed in SEEDS} for name, scenario in runs().items()}
    text = json.dumps({"version": MODEL_VERSION, "outcomes": found}, indent=1, allow_nan=False)
    FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
