"""Importing this loads the kernels of a sweep, so that processes forked afterwards have them."""

import abm.sweeps.work  # noqa: F401 - what workers need
from abm.warmup import warm_up

warm_up()
