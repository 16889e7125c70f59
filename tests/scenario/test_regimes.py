"""Regimes: every module that names them reads the same table."""

from abm.comparison.report import pictures
from abm.output import division, overview, terminal
from abm.scenario.regimes import FRAGMENTED, GROWTHS, LARGEST_HHI, LEAST_HHI, STRUCTURES
from abm.simulation.outcome_list import ENTRIES


def test_bounds_fall_from_the_most_concentrated_structure_on():
    bounds = list(LEAST_HHI.values())
    assert bounds == sorted(bounds, reverse=True) and bounds[0] < LARGEST_HHI


def test_pictures_screens_and_the_list_of_outcomes_know_every_regime():
    assert set(overview.STRUCTURES) == set(pictures.COLOURS) == set(STRUCTURES)
    assert set(overview.GROWTHS) == set(terminal.GROWTHS) == set(GROWTHS)
    assert set(terminal.STRUCTURES) == {*LEAST_HHI, FRAGMENTED}
    (entry,) = (entry for entry in ENTRIES if entry.name == "structure")
    for name, least in LEAST_HHI.items():
        assert f"{name} from {least:,}" in entry.definition


def test_bands_of_the_picture_join_each_other():
    assert division.HHI_BANDS == {"moderate": (1000, 1800), "oligopoly": (1800, 6400), "monopoly": (6400, 10_000)}
