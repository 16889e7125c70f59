"""The peers of the speed benchmark: the same market in NumPy and in Mesa, and the machine's memory speed.

Nothing here imports ``abm``. Both markets run stages 1 to 6 of the model's step (reading ``literal``) with
the default parameters and sectors, without entry and review: a firm that fails or diverges leaves its slot
empty for good. Each is what a good user of its tool would write. NumPy collects the light statistics of the
market and of every sector, Mesa ten reporters of the market. Beside them stands NumPy as one writes it in an
afternoon, with six statistics and no exits. Each has its own random numbers; with ``noise=False`` they agree.
"""

from experiments.peers.common import start
from experiments.peers.mesa_market import MesaMarket
from experiments.peers.naive_market import NaiveMarket
from experiments.peers.numpy_market import NumpyMarket
from experiments.peers.stream import stream_triad

__all__ = ["MesaMarket", "NaiveMarket", "NumpyMarket", "start", "stream_triad"]
