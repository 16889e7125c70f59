"""The palette: seen on white and on a dark page, and told apart by those who see no red and green."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from abm.output.style import BLUE, GREY, ORANGE, PALETTE, PLAIN, dashes, hatch, strategy_colours

DARK = "#16181C"
TWELVE = list(strategy_colours([f"s{place}" for place in range(12)]).values())
# sRGB to XYZ (IEC 61966-2-1), and deuteranopia in linear sRGB: Machado, Oliveira and Fernandes (2009), severity 1.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
DEUTERANOPIA = np.array([
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
])  # fmt: skip


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255.0
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """As the Web Content Accessibility Guidelines define it."""
    low, high = sorted(TO_XYZ[1] @ linear(each) + 0.05 for each in (one, other))
    return high / low


def lab(rgb: np.ndarray) -> np.ndarray:
    x, y, z = np.cbrt(TO_XYZ @ np.clip(rgb, 0.0, 1.0) / TO_XYZ.sum(axis=1))  # none of these is near black
    return np.array([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


def ciede2000(one: np.ndarray, other: np.ndarray) -> float:
    """The difference of two colours in CIELAB, by Sharma, Wu and Dalal (2005)."""
    (L1, a1, b1), (L2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2.0
    stretch = 1.5 - 0.5 * np.sqrt(mean**7 / (mean**7 + 25.0**7))
    C1, C2 = np.hypot(stretch * a1, b1), np.hypot(stretch * a2, b2)
    h1, h2 = np.arctan2(b1, stretch * a1) % (2.0 * np.pi), np.arctan2(b2, stretch * a2) % (2.0 * np.pi)
    turn = (h2 - h1 + np.pi) % (2.0 * np.pi) - np.pi
    L, C, h = (L1 + L2) / 2.0, (C1 + C2) / 2.0, np.degrees(h1 + turn / 2.0) % 360.0
    waves = ((0.17, 1, -30), (-0.24, 2, 0), (-0.32, 3, 6), (0.20, 4, -63))
    T = 1.0 - sum(size * np.cos(np.radians(many * h + shift)) for size, many, shift in waves)
    dL = (L2 - L1) / (1.0 + 0.015 * (L - 50.0) ** 2 / np.sqrt(20.0 + (L - 50.0) ** 2))
    dC = (C2 - C1) / (1.0 + 0.045 * C)
    dH = 2.0 * np.sqrt(C1 * C2) * np.sin(turn / 2.0) / (1.0 + 0.015 * C * T)
    bend = np.sin(np.radians(60.0 * np.exp(-(((h - 275.0) / 25.0) ** 2))))
    return np.sqrt(dL**2 + dC**2 + dH**2 - 2.0 * np.sqrt(C**7 / (C**7 + 25.0**7)) * bend * dC * dH)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ],
)
def test_the_difference_of_colours_is_that_of_the_published_pairs(one, other, difference):
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(difference, abs=1e-4)


def test_every_colour_is_seen_on_white_and_on_a_dark_page():
    for colour in (*TWELVE, *PALETTE, BLUE, ORANGE):
        assert contrast(colour, "#FFFFFF") >= 3.0 and contrast(colour, DARK) >= 3.0, colour
    assert contrast(GREY, "#FFFFFF") >= 4.5


def test_neighbours_differ_for_those_who_see_no_red_and_green_and_all_differ_for_the_others():
    seen = [lab(DEUTERANOPIA @ linear(colour)) for colour in TWELVE]
    assert min(ciede2000(*pair) for pair in pairwise(seen)) >= 15.0
    assert min(ciede2000(*pair) for pair in combinations([lab(linear(each)) for each in TWELVE], 2)) >= 15.0


def test_what_comes_after_the_eighth_is_told_apart_by_dashes_and_hatching_too():
    assert {(dashes(place), hatch(place)) for place in range(PLAIN)} == {((), "")}
    assert len({(dashes(place), hatch(place)) for place in (0, 8, 16, 24)}) == 4


def test_the_colours_of_strategies_are_distinct_and_depend_on_their_place_alone():
    names = [f"s{place}" for place in range(70)]
    colours = strategy_colours(names)
    assert len(set(colours.values())) == 70
    assert strategy_colours(names[:5]) == {name: colours[name] for name in names[:5]}
    near = [np.abs(np.subtract(to_rgb(a), to_rgb(b))).max() for a, b in combinations(colours.values(), 2)]
    twenty = list(colours.values())[:20]
    far = [np.abs(np.subtract(to_rgb(a), to_rgb(b))).max() for a, b in combinations(twenty, 2)]
    assert min(far) > 0.09
    assert min(near) > 0
