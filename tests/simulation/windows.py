"""The window of a run: the last quarter of its steps, over which outcomes are means."""

import math


def window_of(frame):
    """The last ceil(steps/4) rows."""
    return frame.iloc[len(frame) - math.ceil(len(frame) / 4) :]
