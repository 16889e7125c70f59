"""Small random scenarios, and the bridge between the compiled market and its plain-Python twin."""

from hypothesis import strategies as st

from abm import Scenario
from abm.numerics import randomness
from tests import twin

PROCESSES = {
    "shock": randomness.SHOCK,
    "baselines": randomness.BASELINES,
    "return_and_k1": randomness.RETURN_AND_K1,
    "k2_and_k3": randomness.K2_AND_K3,
    "entry": randomness.ENTRY,
    "direction": randomness.DIRECTION,
    "imitation": randomness.IMITATION,
    "deal": randomness.DEAL,
}


class Draws:
    """The package's keyed draws for the twin, which knows processes by name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def normals(self, process: str, sector: int, place: int, step: int) -> tuple[float, float]:
        return randomness.normals(self.seed, PROCESSES[process], sector, place, step)

    def uniforms(self, process: str, sector: int, place: int, step: int) -> tuple[float, float]:
        return randomness.uniforms(self.seed, PROCESSES[process], sector, place, step)


def plain(scenario: Scenario) -> tuple[dict, list[dict], list[dict]]:
    """A scenario as the twin takes it: parameters, sectors, strategies."""
    values = scenario.to_dict()
    sectors, strategies = values.pop("sectors"), values.pop("strategies")
    return values, sectors, strategies


def run_twin(scenario: Scenario, seed: int) -> tuple[twin.Market, list[dict], list[dict]]:
    """Market, step rows and sector rows of the twin's run."""
    draws = Draws(seed)
    market = twin.start(*plain(scenario), draws)
    rows, sector_rows = [], []
    for _ in range(scenario.steps):
        row, by_sector = twin.step(market, draws)
        rows.append(row)
        sector_rows += by_sector
    return market, rows, sector_rows


@st.composite
def scenarios(draw, most_steps: int = 30, most_slots: int = 40) -> Scenario:
    """Scenarios with every mechanism on, in the middle of the ranges."""
    capacity = draw(st.integers(1, most_slots))
    sectors = [
        {
            "name": f"sector_{place}",
            "demand_share": draw(st.floats(0.1, 1.0)),
            "competitiveness_elasticity": draw(st.floats(0.0, 3.0)),
            "quality_elasticity": draw(st.floats(0.0, 3.0)),
            "demand_growth": draw(st.floats(-0.05, 0.05)),
            "monetisation": draw(st.floats(0.5, 1.5)),
        }
        for place in range(draw(st.integers(1, 3)))
    ]
    strategies = [
        {
            "name": f"strategy_{place}",
            "technology_weight": draw(st.floats(0.05, 0.95)),
            "optimisation_weight": draw(st.floats(0.05, 0.95)),
            # Those that the twin has, too.
            "policy": draw(st.sampled_from(["fixed", "adaptive", "imitate"])),
            "weight": draw(st.floats(0.1, 2.0)),
        }
        for place in range(draw(st.integers(1, 3)))
    ]
    return Scenario(
        steps=draw(st.integers(1, most_steps)),
        capacity=capacity,
        initial_firms=draw(st.integers(1, capacity)),
        reading=draw(st.sampled_from(["literal", "rate", "increment"])),
        network_effect=draw(st.floats(0.0, 1.0)),
        churn=draw(st.floats(0.05, 1.0)),
        variable_cost_share=draw(st.floats(0.0, 1.0)),
        technology_cost=draw(st.floats(0.0, 0.5)),
        innovation_drag=draw(st.floats(0.0, 1.0)),
        stress_response=draw(st.floats(0.0, 1.0)),
        runway=draw(st.sampled_from([1.0, 3.0, 8.0, float("inf")])),
        outside_capital=draw(st.floats(0.0, 1.0)),
        spillover=draw(st.floats(0.0, 0.2)),
        entrant_catch_up=draw(st.floats(0.0, 1.0)),
        entry_rate=draw(st.sampled_from([0.0, 0.02, 0.3, 1e9])),
        technology_noise=draw(st.floats(0.0, 0.1)),
        competitiveness_noise=draw(st.floats(0.0, 0.1)),
        learning_step=draw(st.floats(0.0, 0.3)),
        review_interval=draw(st.integers(1, 6)),
        heterogeneity=draw(st.floats(0.0, 0.5)),
        initial_momentum=draw(st.floats(-0.2, 0.5)),
        sectors=sectors,
        strategies=strategies,
    )
