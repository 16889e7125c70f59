"""Mesa's spaces, networks and cells with firms in them."""

import mesa
import networkx
import pytest
from mesa.space import ContinuousSpace, MultiGrid, NetworkGrid, SingleGrid

from abm.agents.firm import Firm
from tests.agents.mesa_promises.regulated import Regulated, Regulator
from tests.mesa_view import moved_on


def spaces(model):
    yield SingleGrid(40, 40, False), lambda i: (i % 40, i // 40)
    yield MultiGrid(5, 5, True), lambda i: (i % 5, i % 3)
    yield ContinuousSpace(10, 10, True), lambda i: (i % 10, i % 7)
    yield NetworkGrid(networkx.path_graph(5)), lambda i: i % 5


@pytest.mark.parametrize("which", range(4))
def test_spaces_take_firms_and_agents_of_ones_own(which):
    model = Regulated(rng=3)
    space, place = list(spaces(model))[which]
    firms = list(model.agents)
    for firm in firms:
        space.place_agent(firm, place(firm.unique_id))
    space.place_agent(model.agents_by_type[Regulator][0], (39, 39) if which == 0 else place(1))
    assert model.agents.get("pos").tolist() == [place(firm.unique_id) for firm in firms]
    for _ in range(40):
        model.step()
    left = [firm for firm in firms if not firm.alive]
    assert left
    for firm in left:
        assert firm.pos == place(firm.unique_id)
        space.remove_agent(firm)
        assert not hasattr(firm, "pos")
        with pytest.raises(AttributeError, match="has left the market"):
            space.place_agent(firm, place(firm.unique_id))
    inside = {agent for agent in space.agents if isinstance(agent, Firm)}
    assert inside == {firm for firm in firms if firm.alive}
    assert model.agents[-1].pos is None  # an entrant is nowhere yet


def test_cells_let_go_of_firms_that_leave():
    grid = mesa.discrete_space.OrthogonalMooreGrid((3, 3), random=moved_on(0).random)
    model = moved_on(0)
    cell = grid[(1, 1)]
    for firm in model.agents:
        firm.cell = cell
    model.agents[0].move_to(grid[(0, 0)])
    for _ in range(40):
        model.step()
    first = set(range(90)) & set(model.agents.get("unique_id"))
    assert {firm.unique_id for firm in cell.agents} | {0} == first | {0}
    model.agents.set("cell", None)
    assert len(cell.agents) == 0
