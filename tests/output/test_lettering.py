"""Names in any script: drawn in fonts that have their letters; letters that no font has are warned of once."""

import warnings

import pytest
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from abm.equilibrium.figure import equilibrium_picture
from abm.output import lettering
from abm.output.lettering import drawable, families_for, letter
from abm.output.style import fit, width_of
from abm.scenario.scenario import Scenario
from tests.output.fonts import needs_chinese

LACKING = "\U0001e900"  # an Adlam letter, which few machines have


def test_letters_of_the_main_font_need_no_other():
    assert families_for("Größe α ≤ β … ½") == [lettering.MAIN]


@needs_chinese
@pytest.mark.filterwarnings("error")
def test_chinese_is_drawn_without_a_warning_and_cut_by_the_width_of_its_own_letters():
    name = "医疗健康与金融风险控制"
    assert len(families_for(name)) == 2
    assert width_of("医", 72.0) == pytest.approx(1.0, abs=0.1)  # a Chinese letter is as wide as high
    short = fit(name, 1.0)
    assert "…" in short
    assert width_of(short, 10.5) <= 1.0
    figure = Figure()
    figure.text(0, 0, name)
    FigureCanvasAgg(letter(figure)).draw()
    FigureCanvasAgg(equilibrium_picture(Scenario(name=name))).draw()


def test_a_letter_that_no_font_has_is_a_question_mark_and_warned_of_once(monkeypatch):
    monkeypatch.setattr(lettering, "family_of", lambda letter: None if letter == LACKING else lettering.MAIN)
    monkeypatch.setattr(lettering, "_warned", set())
    with pytest.warns(UserWarning, match="no font here has") as seen:
        assert drawable(f"a{LACKING}b") == "a?b"
    assert len(seen) == 1
    assert "\n" not in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert drawable(LACKING * 3) == "???"


def has_chinese(family: str) -> bool:
    try:
        return lettering._has(lettering.fonts_of([family]), "医")
    except (OSError, RuntimeError):  # a kind that FreeType cannot read
        return False


@needs_chinese
def test_a_font_installed_since_matplotlib_last_looked_is_found(monkeypatch):
    lettering.family_of("医")  # has matplotlib look for new ones
    known = font_manager.fontManager.ttflist
    has_it = {font.name for font in known if has_chinese(font.name)}
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [font for font in known if font.name not in has_it])
    for cached in (lettering.family_of, lettering._newly_installed, font_manager.fontManager._findfont_cached):
        cached.cache_clear()
    try:
        assert lettering.family_of("医") in has_it
    finally:
        for cached in (lettering.family_of, lettering._newly_installed, font_manager.fontManager._findfont_cached):
            cached.cache_clear()


def test_a_warning_of_a_command_is_one_line(capsys, tmp_path):
    from abm.cli import _warnings_in_a_line

    with _warnings_in_a_line():
        warnings.warn("two\nlines", stacklevel=1)
    assert capsys.readouterr().err == "abm: warning: two lines\n"
