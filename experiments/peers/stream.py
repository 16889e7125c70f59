"""The memory speed of the machine."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numba
import numpy as np


@numba.njit(nogil=True)
def _triad(a: np.ndarray, b: np.ndarray, c: np.ndarray, s: float) -> None:
    for i in range(a.size):
        a[i] = b[i] + s * c[i]


def stream_triad(n: int = 50_000_000, threads: int = 1, repeats: int = 7) -> float:
    """Memory speed by STREAM's triad a = b + s·c, in GB/s (1e9), the median of ``repeats``.

    Counted as STREAM does, 24 bytes an element. Ordinary stores also read a line of ``a`` before writing it
    (write-allocate), so up to 32 bytes really move. The arrays must exceed the last cache: by default each
    has 400 MB. The first pass, which compiles, is left out.
    """
    edges = [n * i // threads for i in range(threads + 1)]
    arrays = [np.empty(n) for _ in range(3)]
    chunks = [[x[low:high] for x in arrays] for low, high in pairwise(edges)]
    times = []
    with ThreadPoolExecutor(threads) as pool:
        for x in (0, 1, 2):
            list(pool.map(lambda chunk, x=x: chunk[x].fill(1.0 + x), chunks))  # touched before the clock runs
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            list(pool.map(lambda chunk: _triad(*chunk, 3.0), chunks))
            times.append(time.perf_counter() - begin)
    return 24e-9 * n / statistics.median(times[1:])
