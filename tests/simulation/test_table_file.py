"""Firm tables as files and frames: whatever way they are written, they are read alike."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm.market.firms import FIRM
from abm.scenario.parameters import FIRM_COLUMNS
from abm.simulation.firm_table import COLUMNS, read_firm_table
from tests.firm_tables import ROWS, SCENARIO, file, frame, read


def equal(one, other) -> bool:
    return (
        np.array_equal(one.sectors, other.sectors)
        and np.array_equal(one.values, other.values)
        and (one.names, one.digest) == (other.names, other.digest)
    )


PLAIN = 'sector,strategy,name,T,direction\nretail,bold,"Acme, Inc",1.5,1\nenterprise,calm,,2e-3,-1\n'


def numbered(head: str, first: int) -> str:
    """The table with a column that counts its rows."""
    header, *rows = PLAIN.splitlines()
    return "\n".join([f"{head},{header}", *(f"{first + place},{row}" for place, row in enumerate(rows))])


def separated(mark: str, number: str, small: str) -> str:
    rows = [["sector", "strategy", "name", "T", "direction"]]
    rows += [["retail", "bold", "Acme, Inc", number, "1"], ["enterprise", "calm", "", small, "-1"]]
    return "".join(mark.join(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN + "\n\n  \n",
        "\n" + PLAIN.replace("\n", "\n\n"),
        PLAIN.replace("\n", "\r\n") + "\r\n",
        PLAIN.replace("\n", "\r"),
        "\ufeff" + PLAIN,
        "\ufeff" + PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("retail,bold,", " retail , bold,"),
        PLAIN.replace("1.5,1", " 1.5 ,+1"),
        PLAIN.replace("sector,", '"sector",'),
        PLAIN.encode("utf-16"),
        PLAIN.replace("1.5", "+1_.5".replace("_", "")),
        PLAIN.replace("\n", ",\n"),
        PLAIN.replace("\n", ",,\n"),
        PLAIN + ",,,,\n,,,,\n",
        *[numbered(head, first) for head, first in (("", 1), ('""', 0), ("Unnamed: 0", 0))],
        *[
            separated(mark, number, small)
            for mark in (";", "\t", "|")
            for number, small in (("1.5", "2e-3"), ("1,5", "2e-3"), ("1,50", ",002"))
        ],
        "sep=;\n" + separated(";", "1,5", ",002"),
        separated("\t", "1.5", ".2e-2").replace("\n", "\r\n").encode("utf-16"),
    ],
)
def test_a_csv_may_be_written_in_many_ways(tmp_path, content):
    table = read_firm_table(file(tmp_path / "firms.csv", content), SCENARIO)
    assert table.names == ["Acme, Inc", ""]
    assert equal(table, read_firm_table(file(tmp_path / "plain.txt", PLAIN), SCENARIO))
    assert table.values[FIRM.T].tolist() == [1.5, 0.002]
    assert table.values[FIRM.direction].tolist() == [1, -1]


def test_names_may_hold_quotes_line_ends_and_any_letters(tmp_path):
    content = 'name,sector,strategy\n"say ""hi""",retail,bold\n"two\nlines",retail,bold\n5" 华为,retail,bold\n'
    table = read_firm_table(file(tmp_path / "firms.csv", content), SCENARIO)
    assert table.names == ['say "hi"', "two\nlines", '5" 华为']


def test_names_that_are_numbers_stay_as_they_are_written(tmp_path):
    table = read_firm_table(file(tmp_path / "f.csv", "name,sector,strategy\n007,retail,bold\nNA,retail,bold"), SCENARIO)
    assert table.names == ["007", "NA"]


def test_csv_parquet_and_dataframe_of_the_same_content_are_equal(tmp_path):
    random = np.random.default_rng(1)
    firms = pd.DataFrame(
        {
            "name": ["Acme, Inc", "", "中", *map(str, range(197))],
            "sector": random.choice(["retail", "enterprise"], 200),
            "strategy": random.choice(["bold", "calm"], 200),
            "age": random.integers(0, 99, 200),
            "direction": random.choice([-1, 1], 200),
            **{name: random.lognormal(0, 3, 200) for name in ("T", "C", "P", "R", "Q", "B", "F", "k1", "T0")},
        }
    )
    firms.to_csv(tmp_path / "firms.csv", index=False)
    firms.to_parquet(tmp_path / "firms.parquet")
    firms.to_parquet(tmp_path / "firms.PQ", index=True)
    table = read(firms)
    assert table.values[FIRM.T].tolist() == firms["T"].tolist()
    for name in ("firms.csv", "firms.parquet", "firms.PQ"):
        assert equal(table, read_firm_table(tmp_path / name, SCENARIO))
    assert equal(table, read_firm_table(str(tmp_path / "firms.csv"), SCENARIO))


@pytest.mark.parametrize(
    "change",
    [
        {"T": [1.0, 2.1]},
        {"sector": ["retail", "enterprise"]},
        {"strategy": ["bold", "calm"]},
        {"name": ["a", "c"]},
    ],
)
def test_the_digest_tells_contents_apart(change):
    content = {"T": [1.0, 2.0], "name": ["a", "b"]}
    assert read(content).digest == read(content).digest
    assert read(content).digest != read(content | change).digest


def test_the_digest_tells_where_one_name_ends():
    assert read({"name": ["a,b", "c"]}).digest != read({"name": ["a", "b,c"]}).digest


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=5))
def test_a_number_of_a_csv_is_the_float_nearest_to_what_is_written(tmp_path_factory, numbers):
    texts = [f"{number!r}" for number in numbers] + [f"{number:.30f}" for number in numbers]
    content = "sector,strategy,F\n" + "".join(f"retail,bold,{text}\n" for text in texts)
    table = read_firm_table(file(tmp_path_factory.mktemp("csv") / "f.csv", content), SCENARIO)
    assert table.values[FIRM.F].tolist() == [float(text) for text in texts]


@pytest.mark.parametrize(
    "column",
    [
        [1, 2],
        np.array([1, 2], dtype=np.uint8),
        np.array([1, 2], dtype=np.float32),
        pd.array([1, 2], dtype="Int64"),
        pd.array([1, 2], dtype=pd.ArrowDtype(pa.float64())),
        pd.Categorical([1, 2]),
        pd.Series([1, Fraction(2)], dtype=object),
    ],
)
def test_numbers_of_a_dataframe_may_be_of_any_numeric_type(column):
    assert read({"T": column}).values[FIRM.T].tolist() == [1.0, 2.0]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, "", " "])
def test_a_firm_may_go_without_a_name(missing):
    assert read({"name": [missing, " Acme "]}).names == ["", "Acme"]
    assert read({"name": [missing, missing]}).names == ["", ""]


def test_sectors_and_strategies_may_be_categories():
    firms = frame(sector=["retail", "enterprise"]).astype("category")
    assert read(firms).sectors.tolist() == [0, 1]


def test_the_final_state_of_a_run_is_a_table_and_what_belongs_to_the_run_is_ignored(tmp_path):
    state = {name: [0.5, 0.75] for name in FIRM_COLUMNS} | {"age": [3, 40], "direction": [-1.0, 1.0]}
    firms = frame(id=[7, 9], slot=[3, 3], share=[np.nan, 2.0], name=["Acme", ""], **state)
    firms.to_parquet(tmp_path / "firms.parquet")
    table = read_firm_table(tmp_path / "firms.parquet", SCENARIO)
    assert set(firms) == {*COLUMNS} - {"memory"}  # which only rules of the user's own have
    assert {name: table.values[row].tolist() for name, row in ROWS.items()} == state
    assert table.values[FIRM.id].tolist() == [0, 1]
    firms = firms.set_index("id")
    firms.to_parquet(tmp_path / "indexed.parquet")
    assert equal(table, read(firms))
    assert equal(table, read_firm_table(tmp_path / "indexed.parquet", SCENARIO))


def test_a_named_index_counts_as_a_column_and_no_other_index_does():
    firms = frame(name=["a", "b"], T=[1.0, 2.0])
    assert equal(read(firms), read(firms.set_index("name")))
    assert equal(read(firms), read(firms.set_index(["name", "T"])))
    assert equal(read(firms), read(firms.set_axis([5, 5])))


def test_reading_leaves_a_dataframe_as_it_was():
    firms = frame(name=pd.Series([None, "b"], dtype=object), T=pd.Series([1, 2], dtype=object))
    before = firms.copy(deep=True)
    read(firms)
    pd.testing.assert_frame_equal(firms, before)


def test_importing_the_module_leaves_pandas_and_pyarrow_alone():
    code = "import sys, abm.simulation.firm_table; print({'pandas', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
