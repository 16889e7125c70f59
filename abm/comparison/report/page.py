"""The parts of a report's page (sections of sentences, pictures and tables), and a comparison with short labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abm.comparison.report.canvas import Spot, spots, svg
from abm.comparison.report.wording import short_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from abm.comparison.findings import Findings

SENTENCES = 12  # in a list at most; the tables are complete


@dataclass(frozen=True)
class Picture:
    """A picture with its name, its caption, the file that holds its numbers, and maybe the same as charts."""

    name: str
    figure: "Figure"
    caption: str
    file: str
    chart: Mapping[str, Any] | None = None

    @property
    def image(self) -> str:
        """The picture as a data address."""
        return svg(self.figure)

    @property
    def spots(self) -> list[Spot]:
        """What the picture's marks tell, unless charts do."""
        return [] if self.chart else spots(self.figure)


@dataclass(frozen=True)
class Table:
    """Rows of texts below headings; the first `words` columns hold words, the others numbers."""

    name: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    file: str
    caption: str = ""
    words: int = 1


@dataclass(frozen=True)
class Section:
    """A heading and its content."""

    title: str
    sentences: Sequence[str] = ()
    bullets: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    warnings: Sequence[str] = ()
    closing: Sequence[str] = ()
    code: str = ""


class View:
    """A comparison whose groups have short labels."""

    def __init__(self, comparison: "Findings") -> None:
        self.comparison, runs = comparison, comparison.runs
        self.runs, self.by, self.level = runs, list(runs.by), comparison.method["level"]
        self.groups = [short_label(group, self.by) for group in runs.groups]
        self.baseline = short_label(runs.baseline, self.by)
        self.title = ", ".join(self.by)
        self._full_labels = {name: self._spelled(group) for name, group in zip(self.groups, runs.groups)}
        self.baseline_text = self._spelled(runs.baseline)

    def _spelled(self, group: str) -> str:
        """A group in words: its factors and their values."""
        text = f", {self.title}={group}" if len(self.by) == 1 else f", {group}"
        for name in self.by:
            text = text.replace(f", {name}=", f", {name} = ", 1)
        return text[2:]

    def frame(self, name: str) -> "pd.DataFrame":
        """One of the comparison's tables, with short labels."""
        table = getattr(self.comparison, name)
        columns = [column for column in ("group", "other", "higher", "against") if column in table]
        names = dict(zip(self.runs.groups, self.groups))
        return table.assign(**{column: [names.get(each, each) for each in table[column]] for column in columns})

    def full_label(self, group: str) -> str:
        """A group's label in a sentence."""
        return self._full_labels[group]
