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
    "lump_and_return": randomness.LUMP_AND_RETURN,
    "lump_and_release": randomness.LUMP_AND_RELEASE,
}


class Draws:
    """The package's keyed draws for the twin, which knows processes by name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def normals(self, process: str, sector: int, place: int, step: int) -> tuple[float, float]:
        return randomness.normals(self.seed, PROCESSES[process], sector, place, step)

    def uniforms(self, process: str, sector: int, place: int, step: int) -> tuple[float, float]:
        return randomness.uniforms(self.seed, PROCESSES[process], sector, place, step)

    def reseed(self, seed: int) -> None:
        self.seed = seed


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


# Keys that may change in the middle of their ranges, where a market neither dies nor explodes at once.
CHANGING = {
    "network_effect": (0.0, 1.0),
    "churn": (0.05, 1.0),
    "technology_cost": (0.0, 0.5),
    "stress_response": (0.0, 1.0),
    "technology_ceiling": (0.5, 10.0),
    "outside_capital": (0.0, 1.0),
    "spillover": (0.0, 0.2),
    "entry_rate": (0.0, 0.5),
    "entrant_base": (0.1, 2.0),
    "technology_noise": (0.0, 0.1),
    "competitiveness_noise": (0.0, 0.1),
    "T0": (0.5, 2.0),
    "k3": (0.1, 2.0),
    "heterogeneity": (0.0, 0.5),
    "competitiveness_elasticity": (0.0, 3.0),
    "sectors.sector_0.quality_elasticity": (0.0, 3.0),
    "sectors.sector_0.demand_growth": (-0.05, 0.05),
    "monetisation": (0.5, 1.5),
    "weight": (0.1, 2.0),
    "strategies.strategy_0.weight": (0.1, 2.0),
    "technology_weight": (0.05, 0.95),
    "sectors.sector_0.churn": (0.05, 1.0),
    "demand_noise": (0.0, 0.5),
    "frontier_growth": (0.0, 0.02),
    "frontier_cost": (0.0, 1.0),
    "release_odds": (0.2, 1.0),
    "demand_factor": (0.2, 2.0),
    "sectors.sector_0.demand_factor": (0.2, 2.0),
}


@st.composite
def changing(draw, base=None, most: int = 4) -> Scenario:
    """Scenarios with changes on the way: at once and over ramps, for a while and for good, one over the other."""
    scenario = draw(scenarios() if base is None else base)
    changes = []
    for place in range(draw(st.integers(1, most))):
        step = draw(st.integers(1, scenario.steps))
        keys = draw(st.lists(st.sampled_from(sorted(CHANGING)), min_size=1, max_size=4, unique=True))
        change = {key: draw(st.floats(*CHANGING[key])) for key in keys}
        if draw(st.booleans()):
            change["until"] = step + draw(st.integers(1, 15))
        if draw(st.integers(0, 3)) == 0:
            change["seed"] = draw(st.integers(0, 2**63 - 1))
        finite_runway = scenario.runway < float("inf")
        if draw(st.integers(0, 3)) == 0 and finite_runway:
            change["runway"] = draw(st.sampled_from([1.0, 3.0, 8.0]))
        if draw(st.integers(0, 3)) == 0:
            change["review_interval"] = draw(st.integers(1, 6))
        else:
            change["ramp"] = draw(st.sampled_from([1, 1, 2, 3, 7]))
        changes.append({"name": f"change_{place}", "step": step, **change})
    return scenario.replace(changes=changes)


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
        | draw(
            st.fixed_dictionaries({}, optional={"network_effect": st.floats(0.0, 1.0), "churn": st.floats(0.05, 1.0)})
        )
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
        demand_noise=draw(st.sampled_from([0.0, 0.1, 0.4])),
        demand_noise_odds=draw(st.floats(0.01, 1.0)),
        size_dependence=draw(st.floats(0.0, 0.5)),
        frontier_cost=draw(st.sampled_from([0.0, 0.5, 3.0])),
        return_noise=draw(st.sampled_from([0.0, 0.4])),
        frontier_growth=draw(st.sampled_from([0.0, 0.02, 0.2])),
        release_odds=draw(st.sampled_from([1.0, 0.7, 0.2])),
        learning_step=draw(st.floats(0.0, 0.3)),
        review_interval=draw(st.integers(1, 6)),
        heterogeneity=draw(st.floats(0.0, 0.5)),
        initial_momentum=draw(st.floats(-0.2, 0.5)),
        sectors=sectors,
        strategies=strategies,
    )
