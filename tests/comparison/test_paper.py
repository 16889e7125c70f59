"""A comparison for a paper: every picture as PDF and SVG, every table as LaTeX that says what the report says."""

import re

import numpy as np
import pandas as pd
import pytest

from abm import compare
from abm.cli import main
from abm.comparison.report.page import View
from abm.comparison.report.paper import ALL, FILES, PICTURES, TABLES, latex, latex_table, write_figures
from abm.comparison.report.sections import sections

NASTY = r"a_b & 50% $x$ {c} \d #1 ~^ <>"


def outcomes_of(groups=("0", "0.5"), runs=12):
    generator = np.random.default_rng(1)
    parts = []
    for index, group in enumerate(groups):
        columns = {"scenario": group, "seed": np.arange(runs), "hhi": generator.normal(size=runs) + index}
        columns |= {"share_a": generator.uniform(size=runs), "hill": np.where(np.arange(runs) < 3 * index, np.nan, 1.5)}
        columns |= {"structure": generator.choice(["moderate", "monopoly"], runs), "growth": "virtuous"}
        columns |= {"winner": generator.choice(["a", "b"], runs)}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def test_every_picture_and_table_of_the_report_is_a_file_and_stands_in_the_document(tmp_path):
    found = compare(outcomes_of(), by="scenario")
    write_figures(found, tmp_path)
    made = sections(View(found), "abm compare")
    pictures = [picture.name for section in made for picture in section.pictures]
    tables = [table.name for section in made for table in section.tables]
    assert "effects" in pictures and "winners" in tables
    assert set(pictures) <= set(PICTURES) and set(tables) <= set(TABLES)
    expected = {f"{name}.{kind}" for name in pictures for kind in ("pdf", "svg")}
    expected |= {f"table_{name}.tex" for name in tables} | {ALL}
    assert {path.name for path in tmp_path.iterdir()} == expected <= set(FILES)
    for name in pictures:
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert (tmp_path / f"{name}.svg").read_bytes().startswith(b"<?xml")
    document = (tmp_path / ALL).read_text()
    assert set(re.findall(r"\\includegraphics\[.*?\]\{(.*?)\}", document)) == {f"{name}.pdf" for name in pictures}
    assert set(re.findall(r"\\input\{(.*?)\}", document)) == {f"table_{name}.tex" for name in tables}


def test_rows_of_a_table_have_as_many_cells_as_columns_whatever_the_names(tmp_path):
    found = compare(outcomes_of(groups=("0", NASTY)), by="scenario")
    for section in sections(View(found), "abm compare"):
        for table in section.tables:
            text = latex_table(table)
            columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
            rows = [line for line in text.splitlines() if line.endswith(r"\\")]
            assert len(rows) == 1 + len(table.rows)
            for row in rows:
                assert len(re.findall(r"(?<!\\)&", row)) + 1 == len(columns) == len(table.heads)
            plain = re.sub(r"\\[%$#_{}&]", "", text.split(r"\midrule")[1])
            assert plain.count("$") % 2 == 0
            assert not re.search(r"[#~^_]", plain)


def test_signs_are_written_as_latex_reads_them():
    assert latex("-1.5 [-2, 3]") == "$-$1.5 [$-$2, 3]"
    assert latex(NASTY) == (
        r"a\_b \& 50\% \$x\$ \{c\} \textbackslash{}d \#1 \textasciitilde{}\textasciicircum{} \textless{}\textgreater{}"
    )


def test_the_section_on_what_was_compared_names_the_outcomes_that_runs_lack():
    what = sections(View(compare(outcomes_of(), by="scenario")), "abm compare")[0]
    assert what.bullets == ["scenario = 0.5: no value of hill (3 runs); these runs still count in the other outcomes."]


def test_the_command_writes_figures_and_loses_nothing(sweeps, tmp_path, capsys):
    out, figures = tmp_path / "out", tmp_path / "figures"
    command = ["compare", str(sweeps / "effect"), "--out", str(out), "--figures", str(figures)]
    assert main(command) == 0
    assert (figures / ALL).exists() and (out / "report.html").exists()
    before = (figures / "effects.pdf").read_bytes()
    assert main(command) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    (figures / "mine.txt").write_text("mine")
    assert main([*command, "--overwrite"]) == 2
    assert (figures / "mine.txt").read_text() == "mine"
    (figures / "mine.txt").unlink()
    assert main([*command, "--overwrite"]) == 0
    assert (figures / "effects.pdf").read_bytes() == before


@pytest.mark.parametrize("index", ["out", "out/figures", "."])
def test_figures_and_tables_are_written_into_two_directories(sweeps, tmp_path, capsys, index):
    command = ["compare", str(sweeps / "effect"), "--out", str(tmp_path / "out"), "--figures", str(tmp_path / index)]
    assert main(command) == 2
    assert "lies within the other" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
