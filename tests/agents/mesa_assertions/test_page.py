"""Of `test_solara_viz.py`, `test_solara_viz_updated.py` and `test_backends.py`: pages and drawings."""

import ipyvuetify as vuetify
import mesa
import pytest
import solara
from mesa.visualization import SolaraViz, backends
from mesa.visualization.components import AgentPortrayalStyle
from mesa.visualization.solara_viz import ModelCreator, UserInputs, _check_model_params
from mesa.visualization.space_renderer import SpaceRenderer

from abm import InputError, MarketModel
from tests.agents.mesa_assertions.firms import (
    ten_firms,
)  # fmt: skip


@pytest.fixture
def model() -> MarketModel:
    return ten_firms()


def shown_widget(parameter: dict, widget: str):
    """The widget that Mesa's page shows for `panel`, a parameter of our model."""
    creator = ModelCreator(solara.reactive(ten_firms()), user_params={"panel": parameter})
    _, context = solara.render(creator, handle_error=False)
    return context.find(getattr(vuetify, widget)).widget


def portrayal(agent):
    return {"size": 5, "color": "red", "marker": "o"}


@pytest.mark.filterwarnings("ignore:Returning a dict:DeprecationWarning")
class TestSolaraViz:
    def test_unsupported_type(self):
        with pytest.raises(ValueError, match="not a supported input type"):
            solara.render(UserInputs({"panel": {"type": "bogus"}}), handle_error=False)
        with pytest.raises(ValueError, match="not a supported input type"):
            solara.render(UserInputs({"panel": {}}), handle_error=False)

    def test_slider_int(self):
        slider = shown_widget(
            {"type": "SliderInt", "value": 4, "label": "keep", "min": 0, "max": 9, "step": 1}, "Slider"
        )
        assert slider.v_model == 4
        assert slider.label == "keep"
        assert slider.min == 0
        assert slider.max == 9
        assert slider.step == 1

    def test_label_fallback(self):
        slider = shown_widget({"type": "SliderInt", "value": 4}, "Slider")
        assert slider.v_model == 4
        assert slider.label == "panel"
        assert slider.min is None
        assert slider.max is None
        assert slider.step is None

    def test_model_param_checks(self):
        start = MarketModel.__init__
        _check_model_params(start, {"scenario": "one-market"})
        _check_model_params(start, {"scenario": "one-market", "network_effect": 0.5})
        _check_model_params(start, {})
        with pytest.raises(InputError, match="unknown parameter 'invalid_param'"):  # **kwargs: the model says it
            MarketModel(invalid_param=2)
        with pytest.raises(InputError, match="unknown parameter 'extra'"):
            MarketModel("one-market", extra=3)

    def test_model_creator(self):
        slider = shown_widget({"type": "SliderFloat", "value": 10.0, "min": 0.0, "max": 60.0, "step": 0.5}, "Slider")
        assert slider.v_model == 10.0

    def test_call_space_drawer(self, model):  # not with altair, which Mesa cannot draw agents with under pandas 3
        seen = []
        model.grid = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)
        model.agents[0].cell = model.grid[(1, 2)]
        renderer = SpaceRenderer(model, backend="matplotlib")
        renderer.draw_agents(lambda firm: seen.append(firm) or portrayal(firm))
        assert renderer.backend == "matplotlib"
        assert type(renderer.backend_renderer).__name__ == "MatplotlibBackend"
        assert seen == [model.agents[0]]
        models = []
        solara.render(SolaraViz(model, components=[lambda model: models.append(model)]), handle_error=False)
        assert models[0] is model


@pytest.mark.filterwarnings("ignore:Returning a dict:DeprecationWarning")
class TestBackends:
    @pytest.mark.parametrize("kind", ["MatplotlibBackend", "AltairBackend"])
    def test_backend_collects_agent_data(self, model, kind):
        space = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)
        model.agents[0].cell = space[(1, 2)]
        backend = getattr(backends, kind)(space_drawer=None)
        style = AgentPortrayalStyle(x=1, y=2, size=5, color="red", marker="o", zorder=1, alpha=1.0)
        assert backend.collect_agent_data(space, lambda firm: style)["loc"].tolist() == [[1, 2]]
        assert backend.collect_agent_data(space, portrayal)["loc"].tolist() == [[1, 2]]

    def test_backend_get_agent_pos(self, model):
        backend = backends.MatplotlibBackend(space_drawer=None)
        first, second = model.agents[0], model.agents[1]
        mesa.space.MultiGrid(5, 5, False).place_agent(first, (1, 2))
        second.cell = mesa.discrete_space.OrthogonalMooreGrid((5, 5), random=model.random)[(3, 4)]
        assert backend._get_agent_pos(first, None) == (1, 2)
        assert backend._get_agent_pos(second, None) == (3, 4)
