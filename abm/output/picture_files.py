"""Pictures as files that a user names: PNG for a screen, PDF and SVG for a paper."""

import errno
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abm.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".pdf", ".svg", ".png")


def check_places(paths: Sequence[Path], *, overwrite: bool = False, folder: Path | None = None) -> None:
    """Refuse, before anything is computed, places where no picture can be written or where a file would be lost.

    Parameters
    ----------
    paths : sequence of Path
    overwrite : bool
        Whether a file that is there may be replaced.
    folder : Path, optional
        A directory that holds the program's own files alone, so no picture of the user's.

    Raises
    ------
    InputError
        That names the first path that is refused.
    """
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise InputError(f"{path}: a picture's name ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
        if path.is_dir():
            raise InputError(f"{path}: is a directory")
        if os.path.lexists(path) and not overwrite:
            raise InputError(f"{path}: exists already; --overwrite replaces it")
        real = Path(os.path.realpath(path))
        if folder is not None and Path(os.path.realpath(folder)) in (real, *real.parents):
            raise InputError(f"{path}: lies in {folder}, which holds files of the run alone; name a place outside it")
        above = next(parent for parent in real.parents if parent.exists())
        if not above.is_dir():
            raise InputError(f"{path}: {above} is not a directory")


def picture_bytes(figure: "Figure", kind: str) -> bytes:
    """A figure as a file's bytes, equal for equal figures.

    Parameters
    ----------
    figure : Figure
    kind : str
        `png`, `pdf` or `svg`.
    """
    import matplotlib as mpl

    from abm.output.style import DPI

    # No dates; letters of a PDF can be searched and edited, those of an SVG are shapes and need no font.
    settings = {"svg.hashsalt": "abm", "svg.fonttype": "path", "pdf.fonttype": 42}
    metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
    data = io.BytesIO()
    with mpl.rc_context(settings):
        figure.savefig(data, dpi=DPI, format=kind, metadata=metadata)
    return data.getvalue()


def write_picture(figure: "Figure", path: Path) -> None:
    """Write a figure whole or not at all, as the ending of the path says; missing folders are made."""
    from abm.output.files import write_durably

    data = picture_bytes(figure, path.suffix.lower()[1:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, data)
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(f"{path}: cannot be written: {problem.strerror}") from None
