"""What a report's page is made of: sections of sentences, pictures and tables, and a comparison seen by short names."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.comparison.report.canvas import svg
from abm.comparison.report.wording import short

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from abm.comparison.findings import Findings

SENTENCES = 12  # in a list at most; tables have all


@dataclass(frozen=True)
class Picture:
    """A picture by its name, what it shows, and the file that its numbers stand in."""

    name: str
    figure: "Figure"
    caption: str
    file: str

    @property
    def image(self) -> str:
        """The address of an image that holds all of it."""
        return svg(self.figure)


@dataclass(frozen=True)
class Table:
    """Rows of texts under headings, by a name; the first `words` columns are words, the others numbers."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    file: str
    caption: str = ""
    words: int = 1


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    sentences: Sequence[str] = ()
    bullets: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    closing: Sequence[str] = ()
    code: str = ""


class View:
    """A comparison with its groups called by their short names.

    Parameters
    ----------
    comparison : Findings
    """

    def __init__(self, comparison: "Findings") -> None:
        self.comparison, runs = comparison, comparison.runs
        self.runs, self.by, self.level = runs, list(runs.by), comparison.method["level"]
        self.groups = [short(group, self.by) for group in runs.groups]
        self.baseline = short(runs.baseline, self.by)
        self.title = ", ".join(self.by)
        one = len(self.by) == 1
        self._spelled = {
            name: f"{self.title}={group}" if one else group for name, group in zip(self.groups, runs.groups)
        }
        self.base_text = self.baseline if one else runs.baseline

    def frame(self, name: str) -> "pd.DataFrame":
        """One of the comparison's frames, with short names."""
        table = getattr(self.comparison, name)
        columns = [column for column in ("group", "other", "higher", "against") if column in table]
        names = dict(zip(self.runs.groups, self.groups))
        return table.assign(**{column: [names.get(each, each) for each in table[column]] for column in columns})

    def spelled(self, group: str) -> str:
        """A group as a sentence has it."""
        return self._spelled[group]
