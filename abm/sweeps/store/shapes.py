"""The shapes of a sweep's manifest and summary."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from abm.output.stored import ScenarioShape, Shape
from abm.sweeps.design.settings import Collect, Replications, keys_of
from abm.sweeps.store.contents import FILES, FIRM_TABLES, TABLES

_Count = Annotated[int, Field(ge=0)]
_Scalar = bool | int | float | str | None
_Table = Literal[TABLES]


class RangeShape(Shape):
    """A factor between two values."""

    low: int | float
    high: int | float
    scale: str


class _SectionShape(Shape):
    """A section of a design, its values checked as the design's are."""

    kind: ClassVar[type]

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = self.model_dump()
        if unknown := sorted(set(given) - set(keys_of(self.kind))):
            raise ValueError(f"unknown key {unknown[0]!r}")
        self.kind(**given)
        return self


class ReplicationsShape(_SectionShape):
    """How runs are repeated."""

    kind = Replications

    count: int
    seed: int
    common: bool


class CollectShape(_SectionShape):
    """What is kept of runs."""

    kind = Collect

    level: str
    steps: int | str
    lives: bool
    firms: bool
    panel: int


class ManifestShape(Shape):
    """What a sweep is."""

    model_version: str
    design_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # a file is named by it
    method: str
    design_points: int | None
    design_seed: int
    factors: dict[str, _Count | list[_Scalar] | RangeShape]
    scenario: ScenarioShape
    firm_table: str | None
    firms_file: Literal[FIRM_TABLES] | None  # never a path that leads out of the folder
    replications: ReplicationsShape
    collect: CollectShape
    points: _Count
    runs: _Count
    draws: Annotated[int, Field(ge=1)] = 1
    versions: dict[str, str]
    git: str | None
    begun: str
    earlier_versions: list[dict[str, str]] = Field(default_factory=list)


class SummaryShape(Shape):
    """How a sweep ended.

    `files` has, of each file, the ends of its pieces in bytes and their digests; folders before formats have none.
    """

    points: _Count
    replications: Annotated[int, Field(ge=1)]
    done: _Count
    failed: _Count
    rows: dict[_Table, _Count]
    tables: list[_Table]
    seconds_a_run: int | float
    run_seconds: int | float
    cores: _Count
    wall_seconds: int | float
    runs_made_by_this_call: _Count
    draws: Annotated[int, Field(ge=1)] = 1
    files: dict[Literal[FILES], Annotated[list[tuple[_Count, str]], Field(min_length=1)]] = Field(default_factory=dict)
