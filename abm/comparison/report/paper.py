"""A comparison for a paper: each picture as PDF and SVG, each table as LaTeX, and a document with all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from abm.comparison.report.page import Section, Table, View
from abm.output.new_folder import TEX_MARK
from abm.output.picture_files import picture_bytes

if TYPE_CHECKING:
    from abm.comparison.findings import Findings

PICTURES = (
    "effects",
    "regimes",
    "regime_map",
    "paths",
    "change_paths",
    "survival",
    "survival_by_strategy",
    "winners",
    "enough",
)
TABLES = (
    *(
        "runs",
        "effects",
        "regimes",
        "partings",
        "change_effects",
        "survival_by_strategy",
        "survival_by_sector",
        "survival_by_cohort",
    ),
    "log_rank",
    *("winners", "enough"),
)
ALL = "figures.tex"
FILES = (*(f"{name}.{kind}" for name in PICTURES for kind in ("pdf", "svg")),
         *(f"table_{name}.tex" for name in TABLES), ALL)  # fmt: skip

# What LaTeX reads otherwise, and signs of the tables that its text fonts may lack.
_SIGNS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "δ": r"$\delta$", "−": "$-$", "–": "--",
    "…": r"\dots{}",
    "β": r"$\beta$", "μ": r"$\mu$", "γ": r"$\gamma$", "τ": r"$\tau$", "σ": r"$\sigma$", "θ": r"$\theta$",
    "ω": r"$\omega$", "φ": r"$\phi$", "κ": r"$\kappa$", "χ": r"$\chi$", "ψ": r"$\psi$", "λ": r"$\lambda$",
}  # fmt: skip
_NEEDS = (
    r"""% Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}; names in other scripts need XeLaTeX or LuaLaTeX."""
)


def latex(text: str) -> str:
    """A text with LaTeX's special signs escaped."""
    escaped = "".join(_SIGNS.get(letter, letter) for letter in text)
    # A minus sign, not a hyphen, before a number.
    words = [f"$-${word[1:]}" if word.startswith("-") and word[1:2].isdigit() else word for word in escaped.split(" ")]
    return " ".join(f"[$-${word[2:]}" if word.startswith("[-") else word for word in words)


def latex_table(table: Table) -> str:
    """A table as a `table` environment with booktabs' rules."""
    columns = "l" * table.words + "r" * (len(table.heads) - table.words)
    lines = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    lines += [_row(table.heads), r"\midrule", *map(_row, table.rows), r"\bottomrule", r"\end{tabular}"]
    caption = rf"\caption{{{latex(table.caption)}}}" if table.caption else ""
    head = [_NEEDS, r"\begin{table}", r"\centering", caption, rf"\label{{tab:{table.name}}}"]
    return "\n".join([line for line in [*head, *lines, r"\end{table}"] if line]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(latex(str(cell)) for cell in cells) + r" \\"


def _document(sections: Sequence[Section]) -> str:
    """A LaTeX document of all pictures and tables, to be compiled as it is or copied from."""
    lines = [
        TEX_MARK,
        r"\documentclass{article}",
        r"\usepackage[T1]{fontenc}",
        r"\usepackage{booktabs,graphicx}",
        r"\begin{document}",
    ]
    for section in sections:
        if section.pictures or section.tables:
            lines += ["", rf"\section{{{latex(section.title)}}}"]
        for picture in section.pictures:
            graphics = rf"\includegraphics[width=\linewidth]{{{picture.name}.pdf}}"
            lines += [r"\begin{figure}", r"\centering", graphics, rf"\caption{{{latex(picture.caption)}}}"]
            lines += [rf"\label{{fig:{picture.name}}}", r"\end{figure}"]
        lines += [rf"\input{{table_{table.name}.tex}}" for table in section.tables]
    return "\n".join([*lines, "", r"\end{document}", ""])


def write_figures(comparison: "Findings", folder: Path) -> None:
    """Write each picture as PDF and SVG, each table as LaTeX, and the document into an existing folder."""
    from abm.comparison.report.sections import sections

    made = sections(View(comparison), comparison.method["command"])
    for section in made:
        for picture in section.pictures:
            for kind in ("pdf", "svg"):
                (folder / f"{picture.name}.{kind}").write_bytes(picture_bytes(picture.figure, kind))
        for table in section.tables:
            (folder / f"table_{table.name}.tex").write_text(latex_table(table), encoding="utf-8")
    (folder / ALL).write_text(_document(made), encoding="utf-8")
