"""What the figures were measured on."""

import os
import platform
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np


def processor() -> str:
    """The processor's name, and what the compiler calls it.

    Examples
    --------
    >>> processor() != ""
    True
    """
    named = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    name = next((line.partition(":")[2].strip() for line in named if line.startswith("model name")), "")
    return f"{name or platform.processor() or platform.machine()} ({llvm.get_host_cpu_name()})"


def instructions() -> str:
    """The widest vector instructions that compiled code has here.

    Examples
    --------
    >>> instructions() in ("AVX-512", "AVX2", "SSE2", "NEON", "none known")
    True
    """
    has = llvm.get_host_cpu_features()
    for feature, name in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("sse2", "SSE2"), ("neon", "NEON")):
        if has.get(feature):
            return name
    return "none known"


def machine(triad: float) -> dict:
    """What it was measured on; `triad` is the memory's speed in GB/s."""
    return {
        "processor": processor(),
        "instructions": instructions(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numba": numba.__version__,
        "numpy": np.__version__,
        "stream_triad_GB_a_second_2_threads": round(triad, 1),
    }
