"""Small firm tables, in memory and as files."""

from pathlib import Path

import pandas as pd
import pytest

from abm.errors import InputError
from abm.market.firms import FIRM
from abm.scenario.parameters import FIRM_COLUMNS
from abm.scenario.scenario import Scenario
from abm.simulation.firm_table import read_firm_table

SCENARIO = Scenario(
    capacity=10,
    runway=6,
    initial_momentum=0.25,
    T0=2.0,
    C0=3.0,
    R0=1.5,
    k1=0.4,
    k2=0.6,
    k3=0.8,
    sectors=[
        {"name": "retail", "demand_share": 3, "monetisation": 0.5},
        {"name": "enterprise", "demand_share": 1, "monetisation": 2.0},
    ],
    strategies=[
        {"name": "bold", "technology_weight": 0.8, "optimisation_weight": 0.6},
        {"name": "calm", "technology_weight": 0.3, "policy": "adaptive"},
    ],
)
ROWS = {name: getattr(FIRM, name) for name in FIRM_COLUMNS}


def frame(rows: int = 2, **columns) -> pd.DataFrame:
    return pd.DataFrame({"sector": ["retail"] * rows, "strategy": ["bold"] * rows} | columns)


def read(content, scenario: Scenario = SCENARIO):
    """The table of a DataFrame, or of keywords of `frame`."""
    return read_firm_table(content if isinstance(content, pd.DataFrame) else frame(**content), scenario)


def file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(source, scenario: Scenario = SCENARIO) -> str:
    with pytest.raises(InputError) as caught:
        read_firm_table(source, scenario)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message
