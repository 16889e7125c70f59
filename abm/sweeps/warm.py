"""Importing this loads the kernels of a sweep, so that processes forked afterwards have them."""

from abm.sweeps.work import warm_up

warm_up()
