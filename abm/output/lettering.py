"""Letters of names in any script: the fonts of this machine that have them, found when a picture needs them."""

import unicodedata
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

MAIN = "DejaVu Sans"  # comes with matplotlib
# Tried before all other fonts: simplified Chinese drawn as in China, in sans serif.
_FIRST = ("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei")
# Fonts that draw a box or nothing for every letter.
_EMPTY = ("Last Resort", ".LastResort", "Adobe Blank")
_REPLACEMENT = "?"
_warned: set[str] = set()


def fonts_of(families: list[str]) -> Any:
    """The fonts of some families, as FreeType reads them: the first, and where it lacks a letter the others."""
    return font_manager.get_font([font_manager.findfont(FontProperties(family=[family])) for family in families])


def _has(font: Any, letter: str) -> bool:
    return bool(font.get_char_index(ord(letter)))


def _known() -> dict[str, None]:
    """Families that matplotlib knows, in the order in which they are tried."""
    plain = [font for font in font_manager.fontManager.ttflist if font.weight == 400 and font.stretch == "normal"]
    names = {font.name for font in plain if not font.name.startswith(_EMPTY)}
    ordered = sorted(names, key=lambda name: (name not in _FIRST, "Sans" not in name, name))
    return dict.fromkeys([*(name for name in _FIRST if name in names), *ordered])


@cache
def _newly_installed() -> tuple[str, ...]:
    """Families installed since matplotlib last looked, made known to it."""
    before = _known()
    files = {str(font.fname) for font in font_manager.fontManager.ttflist}
    for file in font_manager.findSystemFonts():
        if file not in files:
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError):  # not a font that can be read
                continue
    return tuple(name for name in _known() if name not in before)


def _families() -> Iterator[str]:
    yield from _known()
    yield from _newly_installed()


@cache
def family_of(letter: str) -> str | None:
    """The first family that has a letter, None if none here has it."""
    if _has(fonts_of([MAIN]), letter):
        return MAIN
    for family in _families():
        try:
            font = fonts_of([family])
        except (OSError, RuntimeError):  # removed meanwhile, or a kind that FreeType cannot scale
            continue
        if font.scalable and _has(font, letter):
            return family
    return None


def families_for(text: str) -> list[str]:
    """The families that the letters of a text need; matplotlib takes each letter from the first that has it.

    Examples
    --------
    >>> families_for("T0 = 1.5")
    ['DejaVu Sans']
    """
    found = dict.fromkeys(family_of(letter) for letter in text if not letter.isspace())
    return [MAIN, *(family for family in found if family not in (None, MAIN))]


def drawable(text: str) -> str:
    """A text with a question mark for each letter that no font here has, which is warned of once.

    Examples
    --------
    >>> drawable("T0 = 1.5")
    'T0 = 1.5'
    """
    missing = {letter for letter in text if not letter.isspace() and family_of(letter) is None}
    if not missing:
        return text
    # Signs without a shape of their own (joiners, variants) are dropped in silence.
    shapeless = {letter for letter in missing if unicodedata.category(letter) in ("Cf", "Mn", "Cc")}
    if new := missing - shapeless - _warned:
        _warned.update(new)
        letters = " ".join(sorted(new)[:10]) + (" …" if len(new) > 10 else "")
        warnings.warn(f"no font here has {letters}: drawn as {_REPLACEMENT!r}; install one, such as Noto Sans",
                      stacklevel=2)  # fmt: skip
    table = str.maketrans({letter: "" if letter in shapeless else _REPLACEMENT for letter in missing})
    return text.translate(table)


def letter(figure: Figure) -> Figure:
    """Give every text of a figure the fonts that its letters need.

    Parameters
    ----------
    figure : Figure
        Changed in place.

    Returns
    -------
    Figure
        The same.
    """
    for text in figure.findobj(Text):
        shown = drawable(text.get_text())
        if shown != text.get_text():
            text.set_text(shown)
        text.set_fontfamily(families := families_for(shown))
        if not all(map(_is_bold_too, families)):
            text.set_fontweight("normal")
    return figure


@cache
def _is_bold_too(family: str) -> bool:
    """Whether a family has bold letters."""
    return any(font.name == family and font.weight in (700, "bold") for font in font_manager.fontManager.ttflist)
