"""The loops of a step work on several firms at once: what the compiler made of them has packed double instructions."""

import platform
import re

import numpy as np
import pytest
from numba import njit

from abm.simulation.market import Market
from experiments.speed import stages
from experiments.speed.worker import BARE

# The instructions are known by these names on the machines that are likely; elsewhere there is nothing to count.
PACKED = {
    "x86_64": re.compile(r"^\s+v?(?:add|sub|mul|div|min|max|fn?m(?:add|sub)\d+|sqrt)pd\s", re.MULTILINE),
    "AMD64": re.compile(r"^\s+v?(?:add|sub|mul|div|min|max|fn?m(?:add|sub)\d+|sqrt)pd\s", re.MULTILINE),
    "aarch64": re.compile(r"^\s+f(?:add|sub|mul|div|min|max|mla|mls|sqrt)\w*\s+v\d+\.2d", re.MULTILINE),
    "arm64": re.compile(r"^\s+f(?:add|sub|mul|div|min|max|mla|mls|sqrt)\w*\.2d", re.MULTILINE),
}

# Another machine's instructions have names that are not known here, so that none would be found.
pytestmark = pytest.mark.skipif(
    platform.machine() not in PACKED, reason=f"no list of packed instructions of {platform.machine()}"
)


def packed(compiled) -> int:
    """Packed double instructions in the assembly of a compiled function."""
    (assembly,) = compiled.inspect_asm().values()
    return len(PACKED[platform.machine()].findall(assembly))


# A stage, and how many packed instructions its loops need at least: its additions, products and quotients.
@pytest.mark.parametrize(
    ("stage", "least"),
    [("_shocks", 40), ("_one_to_eight", 60), ("_sums", 120), ("_shares", 8)],
)
def test_the_loops_of_a_stage_are_packed(stage, least):
    market = Market(BARE.replace(capacity=64, steps=4), 0, full=False, every=1, steps=4, threads=1)
    compiled = getattr(stages, stage)
    compiled(market.state, market.parameters, market.scratch[0], *([True] if stage == "_sums" else []))
    assert packed(compiled) >= least


def test_a_loop_that_cannot_be_packed_is_told_apart():
    @njit
    def chained(x):
        total = 1.0
        for i in range(x.size):
            total = x[i] / (1.0 + total)
        return total

    chained(np.ones(8))
    assert packed(chained) == 0
