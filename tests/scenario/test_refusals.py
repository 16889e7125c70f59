"""Every refusal through the command line: exit code 2, one clear message, no traceback, nothing written.

The ranges are those of `abm/docs/parameters.md`.
"""

import math
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from abm.cli import main
from abm.scenario.parameters import FIRM_COLUMNS, PARAMETERS
from tests.parameter_table import documented

ROWS = documented()

SCENARIO = """
name = "small"
steps = 3
capacity = 20
[[sectors]]
name = "enterprise"
demand_share = 0.6
[[sectors]]
name = "retail"
demand_share = 0.4
[[strategies]]
name = "bold"
technology_weight = 0.8
[[strategies]]
name = "careful"
technology_weight = 0.3
"""

# One member each stands for its kind; other keys of sectors and strategies are set for all of them.
DOTTED = {
    "demand_share": "sectors.retail.demand_share",
    "competitiveness_elasticity": "sectors.retail.competitiveness_elasticity",
    "demand_growth": "sectors.enterprise.demand_growth",
    "optimisation_weight": "strategies.bold.optimisation_weight",
    "weight": "strategies.careful.weight",
}
# The documented ranges of what `--set` takes; integers are marked by the table.
RANGES = {
    DOTTED.get(parameter.name, parameter.name): f"{'int ' * (parameter.kind == 'int')}{ROWS[parameter.name]['allowed']}"
    for parameter in PARAMETERS
    if not parameter.choices
} | {"capacity": "int [20, 1e9]", "initial_firms": "int [1, 20]"}  # these tests have 20 firms or 20 slots

# The ranges of the columns of a firm table.
COLUMNS = {
    **dict.fromkeys(("T0", "C0", "R0"), "[1e-6, 1e6]"),
    **dict.fromkeys(("k1", "k2", "k3"), "[0, 1e6]"),
    **dict.fromkeys(("theta", "omega"), "[0.05, 0.95]"),
    **dict.fromkeys(("T", "C", "Q"), "[1e-6, 1e9]"),
    **{"P": "[0, 1e9]", "R": "[0, 1e21]", "B": "[0, 1e12]", "F": "[0, inf]"},
}


def ends(allowed: str) -> tuple[list[str], list[str]]:
    """Values at the ends of a range that are just allowed, and values just outside, as texts."""
    whole = allowed.startswith("int ")
    low, high = (float(end) for end in allowed.removeprefix("int ")[1:-1].split(","))
    good, bad = [], []
    for end, is_open, outwards in ((low, "(" in allowed, -math.inf), (high, ")" in allowed, math.inf)):
        if math.isinf(end):
            good.append("inf")
        elif is_open:
            good.append(repr(math.nextafter(end, -outwards)))
            bad.append(repr(end))
        elif whole:
            good.append(str(int(end)))
            bad.append(str(int(end) + (1 if outwards > 0 else -1)))
        else:
            good.append(repr(end))
            bad.append(repr(math.nextafter(end, outwards)))
    return good, bad


@dataclass
class Case:
    """What a user might write, and what the message must say; `{}` stands for the directory of the files."""

    name: str
    arguments: str = ""
    words: tuple[str, ...] = ()
    scenario: str | bytes = SCENARIO
    firms: str | bytes | None = None
    argument: str = "{}/my.toml"


def csv(*rows: str) -> str:
    return "\n".join(rows) + "\n"


def firm(column: str, *values: str) -> str:
    return csv(f"sector,strategy,{column}", *(f"retail,bold,{value}" for value in values))


# fmt: off
CASES = [
    # Scenarios.
    Case("unknown scenario", words=("'four-sector'", "did you mean 'four-sectors'"), argument="four-sector"),
    Case("no such file", words=("{}/none.toml", "No such file"), argument="{}/none.toml"),
    Case("directory for a scenario", words=("{}/: ", "directory"), argument="{}/"),
    Case("binary file", words=("my.toml", "UTF-8"), scenario=b"\x89PNG\r\n\x1a\n\x00\xff"),
    Case("syntax", words=("my.toml", "line 2"), scenario="steps = 3\nchurn = \n"),
    Case("key twice", words=("my.toml", "line 2"), scenario="steps = 3\nsteps = 4\n"),
    Case("misspelt key", words=("my.toml", "'chrun'", "'churn'"), scenario="chrun = 1"),
    Case("key of a sector at the top", words=("'demand_share'", "[[sectors]]"), scenario="demand_share = 1"),
    Case("wrong type", words=("my.toml", "churn = '0.1'", "(0, 1]"), scenario='churn = "0.1"'),
    Case("a truth for a number", words=("churn = True", "(0, 1]"), scenario="churn = true"),
    Case("fraction for a count", words=("steps = 1.5", "integer"), scenario="steps = 1.5"),
    Case("out of range", words=("my.toml", "churn = 1.5", "(0, 1]"), scenario="churn = 1.5"),
    Case("not a number", words=("my.toml", "churn = nan", "(0, 1]"), scenario="churn = nan"),
    Case("choice", words=("reading", "'litral'", "'literal'"), scenario='reading = "litral"'),
    Case("policy", words=("'fix'", ROWS["policy"]["allowed"]), arguments="--set policy=fix"),
    Case("firms above slots", words=("= 21", "capacity = 20"), arguments="--set initial_firms=21"),
    Case("sectors that are no list", words=("sectors = 3", "[[sectors]]"), scenario="sectors = 3"),
    Case("sector without a share", words=('"a"', "demand_share"), scenario='[[sectors]]\nname = "a"'),
    Case("name with a slash", words=("'a/b'",), scenario='[[sectors]]\nname = "a/b"\ndemand_share = 1'),
    Case("name taken", words=('"bold"', "taken"), scenario=SCENARIO.replace('"careful"', '"bold"')),
    Case("no demand", words=("demand_share", "0 for all"), arguments="--set demand_share=0"),
    Case("no strategy", words=("weight", "0 for all"), arguments="--set weight=0"),
    # Settings.
    Case("setting without =", words=("'churn'", "NAME=VALUE"), arguments="--set churn"),
    Case("setting without a name", words=("'=1'", "NAME=VALUE"), arguments="--set =1"),
    Case("setting without a value", words=("'churn='", "NAME=VALUE"), arguments="--set churn="),
    Case("unknown setting", words=("'chrun'", "'churn'"), arguments="--set chrun=0.1"),
    Case("unknown sector",
         words=("sectors.retial.", "sectors.retail."), arguments="--set sectors.retial.monetisation=1"),
    Case("setting twice", words=("churn", "twice"), arguments="--set churn=0.1 --set churn=0.2"),
    Case("text for a number", words=("churn", "'much'", "(0, 1]"), arguments="--set churn=much"),
    Case("steps twice", words=("steps", "twice"), arguments="--steps 5 --set steps=6"),
    # Options.
    Case("no steps", words=("steps = 0", "[1, 1e7]"), arguments="--steps 0"),
    Case("fraction of a step", words=("steps = 1.5", "integer"), arguments="--steps 1.5"),
    Case("text for a seed", words=("--seed", "'x'"), arguments="--seed x"),
    Case("negative seed", words=("--seed", "-1"), arguments="--seed -1"),
    Case("large seed", words=("--seed", str(2**63)), arguments=f"--seed {2**63}"),
    Case("fraction for a seed", words=("--seed", "'1.0'"), arguments="--seed 1.0"),
    Case("negative panel", words=("--panel", "-1"), arguments="--panel -1"),
    Case("text for a panel", words=("--panel", "'all'"), arguments="--panel all"),
    Case("negative every", words=("--every", "-1"), arguments="--every -1"),
    Case("no thread", words=("--threads", "0"), arguments="--threads 0"),
    Case("level", words=("--level", "'ful'", "light"), arguments="--level ful"),
    Case("unknown option", words=("--sed",), arguments="--sed 1"),
    Case("one argument too many", words=("extra",), arguments="extra"),
    Case("option without a value", words=("--seed",), arguments="--seed"),
    Case("more than the memory", words=("1000000000 slots", "GB"), arguments="--set capacity=1000000000"),
    # Firm tables.
    Case("no such table", words=("{}/none.csv", "No such file"), arguments="--firms {}/none.csv"),
    Case("directory for a table", words=("{}: ", "directory"), arguments="--firms {}"),
    Case("empty table", words=("firms.csv", "empty"), firms=""),
    Case("no rows", words=("firms.csv", "no rows"), firms="sector,strategy\n"),
    Case("binary table", words=("firms.csv", "UTF-8"), firms=b"sector,strategy\n\xff\xfe\x00,bold\n"),
    Case("CSV called Parquet", words=("firms.parquet", "Parquet"), arguments="--firms {}/firms.parquet"),
    Case("column missing", words=("firms.csv", "'strategy'"), firms="sector\nretail\n"),
    Case("unknown column", words=("firms.csv", "'thta'", "'theta'"), firms=firm("thta", "0.5")),
    Case("column twice", words=("firms.csv", "'T0'", "twice"),
         firms=csv("sector,strategy,T0,T0", "retail,bold,1,1")),
    Case("unknown sector of a firm", words=("row 2", "'retial'", "'retail'"),
         firms=csv("sector,strategy", "retail,bold", "retial,bold")),
    Case("unknown strategy of a firm", words=("row 1", "'bald'", "'bold'"),
         firms=csv("sector,strategy", "retail,bald")),
    Case("sector left out", words=("row 1", "sector is missing"), firms=csv("sector,strategy", ",bold")),
    Case("value left out", words=("firms.csv", "row 2", "T0 is missing"), firms=firm("T0", "1", "")),
    Case("value nan", words=("row 1", "T0", "nan"), firms=firm("T0", "nan")),
    Case("value inf", words=("row 1", "T0 = inf"), firms=firm("T0", "inf")),
    Case("text in a table", words=("row 3", "T0 = 'many'"), firms=firm("T0", "1", "2", "many")),
    Case("direction", words=("row 1", "direction = 0", "-1 or 1"), firms=firm("direction", "0")),
    Case("age", words=("row 1", "age = 1.5", "integer"), firms=firm("age", "1.5")),
    Case("endless funds", words=("row 1", "F = inf", "runway"), firms=firm("F", "inf")),
    Case("row too short", words=("firms.csv", "row 2", "1 cells"),
         firms=csv("sector,strategy", "retail,bold", "retail")),
    Case("quote that does not end", words=("firms.csv", "line 2", "quote"),
         firms=csv("sector,strategy", '"retail,bold')),
]
# fmt: on


@pytest.fixture
def refused(tmp_path, capsys):
    """Runs a command line that must be refused, and returns its message."""

    def run(*arguments: str, out: Path | None = None) -> str:
        before = sorted(tmp_path.rglob("*"))
        code = main(["run", *arguments, "--out", str(out or tmp_path / "new" / "out")])
        printed = capsys.readouterr()
        assert code == 2
        assert printed.out == ""
        assert sorted(tmp_path.rglob("*")) == before
        message = printed.err
        assert message.startswith("abm: error: ")
        assert message.endswith("\n")
        assert message.count("\n") == 1
        assert "Traceback" not in message
        return message

    return run


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def small(tmp_path) -> str:
    """The path of a small scenario."""
    return str(write(tmp_path / "my.toml", SCENARIO))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_with_what_and_where(case, tmp_path, refused):
    def filled(text: str) -> str:
        return text.replace("{}", str(tmp_path))

    write(tmp_path / "my.toml", case.scenario)
    write(tmp_path / "firms.parquet", "sector,strategy\nretail,bold\n")
    firms = [] if case.firms is None else ["--firms", str(write(tmp_path / "firms.csv", case.firms))]
    message = refused(filled(case.argument), *firms, *filled(case.arguments).split())
    for word in case.words:
        assert filled(word) in message


@pytest.mark.parametrize("name", RANGES)
def test_a_parameter_is_taken_up_to_the_ends_of_its_range_and_no_further(name, small, refused, capsys):
    good, bad = ends(RANGES[name])
    fraction = ["1.5"] if "int" in RANGES[name] else []
    for value in [*bad, *fraction, "nan", "-inf", "true", '"1"', "[1]", "1979-05-27"]:
        message = refused(small, "--set", "initial_firms=20", "--set", f"{name}={value}")
        assert name.rpartition(".")[2] in message
        assert value in message or value == "[1]"
    for value in good:
        extra = [] if name == "initial_firms" else ["--set", "initial_firms=20"]
        assert main(["check", small, *extra, "--set", f"{name}={value}"]) == 0


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_taken_up_to_the_ends_of_its_range_and_no_further(name, small, tmp_path, refused):
    good, bad = ends(COLUMNS[name])
    for value in [*bad, "nan", "-inf", "", "none", "true", "1_"]:
        table = write(tmp_path / "firms.csv", firm(name, "0.5", value, "0.5"))
        message = refused(small, "--firms", str(table))
        assert f"{table}: row 2" in message
        assert name in message
        assert value in message or not value
    table = write(tmp_path / "firms.csv", firm(name, *good))
    assert main(["check", small, "--firms", str(table), "--set", "runway=inf"]) == 0


def test_every_parameter_and_column_of_the_package_has_its_range_here():
    choices = {parameter.name for parameter in PARAMETERS if parameter.choices}
    assert {name.rpartition(".")[2] for name in RANGES} | choices == set(ROWS)
    assert set(COLUMNS) | {"direction", "age", "R_smoothed", "R_reviewed"} == set(FIRM_COLUMNS)


def test_tables_as_spreadsheets_and_windows_write_them_are_taken(small, tmp_path, capsys):
    rows = [
        "\ufeffsector,strategy,name,T0",
        'retail,bold,"Bytes, Inc.",1.5',
        '"enterprise",careful,"the ""best""",2',
    ]
    table = write(tmp_path / "firms.csv", "\r\n".join(rows))
    assert main(["check", small, "--firms", str(table)]) == 0
    assert "2 firms" in capsys.readouterr().out
    write(tmp_path / "my.toml", "\ufeff" + SCENARIO.replace("\n", "\r\n"))
    assert main(["check", small, "--firms", str(table)]) == 0


def test_a_bad_value_in_a_parquet_table_is_refused_with_its_row(small, tmp_path, refused):
    frame = pd.DataFrame({"sector": "retail", "strategy": "bold", "T0": np.array([1.0, -1.0])})
    frame.to_parquet(tmp_path / "firms.parquet")
    message = refused(small, "--firms", str(tmp_path / "firms.parquet"))
    for word in ("firms.parquet", "row 2", "T0 = -1"):
        assert word in message


# --- directories --------------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_directory_is_never_taken_from_somebody(overwrite, small, tmp_path, refused):
    filled = tmp_path / "filled"
    filled.mkdir()
    write(filled / "thesis.txt", "years of work")
    assert f"{filled}: is not empty and holds no run" in refused(small, *overwrite, out=filled)
    write(filled / "run.json", "{}")
    word = "'thesis.txt'" if overwrite else "--overwrite"
    assert word in refused(small, *overwrite, out=filled)
    assert f"{small}: is not a directory" in refused(small, *overwrite, out=Path(small))
    assert f"{small}/out: cannot be written: Not a directory" in refused(small, *overwrite, out=Path(small) / "out")
    assert (filled / "thesis.txt").read_text() == "years of work"


def test_a_directory_that_cannot_be_renamed_is_refused(small, tmp_path, refused, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert "name a directory inside it" in refused(small, out=Path("."))
    assert "/: is not empty" in refused(small, out=Path("/"))
    assert "cannot be written" in refused(small, out=tmp_path / ("x" * 256))
    (tmp_path / "loop").symlink_to("loop")
    assert "loop: is not a directory" in refused(small, out=tmp_path / "loop")


@pytest.fixture
def closed():
    """A directory that may not be written, and in it files that may not be read."""
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / "my.toml", SCENARIO).chmod(0)
        write(Path(name) / "firms.csv", firm("T0", "1")).chmod(0)
        os.chmod(name, 0o555)
        try:
            if root:  # who may read everything
                os.seteuid(65534)
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            os.chmod(name, 0o755)


def test_what_one_may_not_read_or_write_is_refused(closed, capsys):
    for words, *arguments in (
        ("my.toml: Permission denied", "check", str(closed / "my.toml")),
        ("firms.csv: Permission denied", "check", "four-sectors", "--firms", str(closed / "firms.csv")),
        ("out: cannot be written: Permission denied", "run", "four-sectors", "--out", str(closed / "out")),
        (
            "out: cannot be written: Permission denied",
            "run",
            "four-sectors",
            "--out",
            str(closed / "new" / "out"),
        ),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
