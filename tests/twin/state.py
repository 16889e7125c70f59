"""What a market is made of: firms in slots of sectors, their lives, and the draws that are handed in."""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

NAN = math.nan
FLOOR_B = 1e-9

Table = dict[str, Any]  # parameters, a sector, a strategy or a row, by name
Pair = tuple[float, float]
Place = tuple[int, int]  # sector, position among its slots


class Draws(Protocol):
    def normals(self, process: str, sector: int, place: int, step: int) -> Pair: ...

    def uniforms(self, process: str, sector: int, place: int, step: int) -> Pair: ...

    def reseed(self, seed: int) -> None: ...


@dataclass
class Firm:
    id: int
    strategy: int
    T0: float
    C0: float
    R0: float
    k1: float
    k2: float
    k3: float
    theta: float
    omega: float
    T: float
    C: float
    P: float
    R: float
    Q: float
    B: float
    F: float
    direction: int
    R_smoothed: float
    R_reviewed: float
    age: int = 0


Slots = list[Firm | None]


@dataclass
class Life:
    id: int
    sector: str
    strategy: str
    entry_step: int
    firm: Firm  # as it was last
    weights: Pair  # θ and ω as it came
    exit_step: int | None = None
    reason: str | None = None
    peak_share: float = 0.0


@dataclass
class Market:
    parameters: Table
    sectors: list[Table]
    strategies: list[Table]
    slots: list[Slots]
    demand: list[float]
    given: tuple[Table, list[Table], list[Table]] = ({}, [], [])  # before anything changes on the way
    changes: list[Table] = field(default_factory=list)
    step: int = 0
    frontier: float = 1.0
    start_means: dict[int, float] = field(default_factory=dict)  # T of a sector as it first had firms
    start_mean: float = NAN
    next_id: int = 0
    lives: list[Life] = field(default_factory=list)  # by id
    history: list[Table] = field(default_factory=list)  # of each step its row and its growths
    # of the step before, by sector and None for the market: the shares of the slots and the leader's id
    shares: dict[int | None, list[float]] = field(default_factory=dict)
    leaders: dict[int | None, int | None] = field(default_factory=dict)
    best: dict[int | None, int | None] = field(default_factory=dict)


class Means(NamedTuple):
    """What the stages read of a sector as it was at the step's start."""

    n: int
    T: float
    R: float
