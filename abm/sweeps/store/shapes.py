"""The keys and types of a sweep's `manifest.json` and `summary.json`."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from abm.output.stored import ScenarioShape, Shape
from abm.sweeps.design.settings import Collect, Replications
from abm.sweeps.store.contents import FILES, FIRM_TABLES, PLAN_FILES, TABLES

_Count = Annotated[int, Field(ge=0)]
_Scalar = bool | int | float | str | None
_Table = Literal[TABLES]


class RangeShape(Shape):
    """A factor that is a range."""

    low: int | float
    high: int | float
    scale: str


class _SectionShape(Shape):
    """A section of a design, whose values are checked as in a design's file."""

    kind: ClassVar[type]

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.kind(**self.model_dump(exclude_none=True))
        return self


class ReplicationsShape(_SectionShape):
    """The section `[replications]`."""

    kind = Replications

    count: int
    seed: int
    common: bool
    from_step: int | None = None


class CollectShape(_SectionShape):
    """The section `[collect]`."""

    kind = Collect

    level: str
    steps: int | str
    lives: bool
    firms: bool
    panel: int
    measures: str | None = None


class PlanShape(Shape):
    """What shows of which design a stored plan is, and that its files are as they were written."""

    design: str
    files: dict[Literal[PLAN_FILES], str]


class FunctionShape(Shape):
    """The text of a file with a function of the user's own."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    source: str


class ManifestShape(Shape):
    """The content of `manifest.json`."""

    model_version: str
    design_hash: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]  # a file name is made from it
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
    plan: PlanShape | None = None  # sweeps of earlier releases have none
    versions: dict[str, str]
    git: str | None
    begun: str
    earlier_versions: list[dict[str, str]] = Field(default_factory=list)
    functions: dict[str, FunctionShape] = Field(default_factory=dict)


class SummaryShape(Shape):
    """The content of `summary.json`; `files` has the digests of each file, or nothing in sweeps of early releases."""

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
