"""Lines, areas and dots of matplotlib as SVG, for the browser to draw.

Sent as vectors they need no drawing and no compression of pixels on the server, and are sharp on every screen.
"""

from collections.abc import Iterable

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from abm.output.style import GREY

FINE = 4  # places between two pixels of the picture below
_ROOM = 6.0  # pixels beyond the axes, so that lines at their ends are seen in their whole width
_FAR = 1e5  # what lies farther off is not in view
_COLOURS = 24  # of dots
_DIAMETERS = 1.2  # ratio of one size of dots to the next
_THIN = 4.0  # pixels that an area of one step is wide


def drawn(ax: Axes, artists: Iterable[Artist]) -> str:
    """What artists of some axes look like now, cut off where the axes end."""
    _, top = ax.figure.canvas.get_width_height()
    box = ax.bbox.padded(_ROOM)
    frame = x, y, width, height = [round(each) for each in (box.x0, top - box.y1, box.width, box.height)]
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{" ".join(map(str, frame))}"'
    inside = "".join(_svg(artist, top) for artist in artists)
    return f'<svg {place}><g transform="scale({1 / FINE})">{inside}</g></svg>'


def _svg(artist: Artist, top: float) -> str:
    if isinstance(artist, Line2D):
        return _line(artist, top)
    return _dots(artist, top) if isinstance(artist, PathCollection) else _area(artist, top)


def _fine(points: np.ndarray, top: float) -> np.ndarray:
    """Points of matplotlib, whose y grows upwards, as whole numbers of SVG; NaN stays."""
    return FINE * np.clip(np.column_stack([points[:, 0], top - points[:, 1]]), -_FAR, _FAR)


def _runs(points: np.ndarray) -> list[np.ndarray]:
    """The stretches of points without NaN, as integers."""
    known = np.isfinite(points).all(axis=1)
    ends = np.flatnonzero(np.diff(known)) + 1
    return [np.rint(part).astype(int) for part in np.split(points, ends) if len(part) and np.isfinite(part[0]).all()]


def _path(points: np.ndarray) -> str:
    return "M" + " ".join(map(str, points.ravel().tolist()))


def _line(line: Line2D, top: float) -> str:
    """A line, and a dot at its last point: where it is one point long, nothing else would be seen."""
    runs = _runs(_fine(line.get_transform().transform(np.column_stack(line.get_data(orig=False))), top))
    if not runs:
        return ""
    width = FINE * line.figure.dpi / 72.0 * line.get_linewidth()
    colour = to_hex(line.get_color())
    path = f'<path d="{"".join(map(_path, runs))}" fill="none" stroke="{colour}" stroke-width="{width:.0f}"/>'
    x, y = runs[-1][-1]
    return f'{path}<circle cx="{x}" cy="{y}" r="{1.2 * width:.0f}" fill="{colour}"/>'


def _area(area: Artist, top: float) -> str:
    """A filled area; its edge is seen only where it is one point long."""
    colour = area.get_facecolor()[0]
    parts = [_fine(area.get_transform().transform(each.vertices), top) for each in area.get_paths()]
    parts = [np.rint(part).astype(int) for part in parts if np.isfinite(part).all()]
    if not parts:
        return ""
    narrow = max(np.ptp(part[:, 0]) for part in parts) == 0
    edge = f' stroke="{to_hex(colour)}" stroke-width="{2 * FINE * _THIN:.0f}"' if narrow else ""
    path = "Z".join(map(_path, parts))
    return f'<path d="{path}Z" fill="{to_hex(colour)}" opacity="{colour[3]:.2f}"{edge}/>'


def _dots(dots: PathCollection, top: float) -> str:
    """Dots of a scatter, large ones first; those of one size and nearly one colour are one path."""
    values = dots.get_array()
    if not len(values):
        return ""
    points = np.rint(_fine(dots.get_offset_transform().transform(dots.get_offsets()), top)).astype(int)
    sizes = np.rint(np.log(np.sqrt(dots.get_sizes())) / np.log(_DIAMETERS)).astype(int)
    colours = np.rint(_COLOURS * np.clip(dots.norm(values), 0.0, 1.0)).astype(int)
    order = np.lexsort((colours, -sizes))
    groups = np.column_stack([sizes, colours])[order]
    starts = np.append(True, np.any(np.diff(groups, axis=0), axis=1)).nonzero()[0]
    unit = FINE * dots.figure.dpi / 72.0
    svg = []
    for (size, colour), part in zip(groups[starts].tolist(), np.split(points[order], starts[1:])):
        path = "".join(f"M{x} {y}h0" for x, y in part.tolist())
        width, fill = unit * _DIAMETERS**size, to_hex(dots.cmap(colour / _COLOURS))
        svg.append(f'<path d="{path}" stroke="{GREY}" stroke-width="{width + 0.6 * unit:.0f}"/>')
        svg.append(f'<path d="{path}" stroke="{fill}" stroke-width="{width:.0f}"/>')
    return f'<g stroke-linecap="round">{"".join(svg)}</g>'
