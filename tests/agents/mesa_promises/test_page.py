"""Mesa's page of a model."""

import sys

import mesa
import pytest
import solara
from mesa.visualization import SolaraViz, make_plot_component

from abm import MarketModel


@pytest.mark.parametrize("backend", ["matplotlib", "altair"])
def test_solara_viz_shows_and_resets_a_model(backend):
    shown = make_plot_component("hhi", backend=backend)
    parameters = {"scenario": "one-market", "network_effect": 0.3, "rng": 5}
    model = MarketModel(**parameters)
    model.step()
    _, context = solara.render(SolaraViz(model, components=[shown], model_params=parameters), handle_error=False)
    context.close()
    page = sys.modules["mesa.visualization.solara_viz"]
    if hasattr(page, "_build_model_init_kwargs"):
        build = page._build_model_init_kwargs
        options = {"add_scenario_when_empty": True, "require_model_accepts_scenario": True}
        assert build(model, parameters, **options) == parameters
        assert "scenario" in build(mesa.Model(), {}, **options)  # other models as ever
