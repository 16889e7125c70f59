"""What is refused of a firm table, by file, row, column and value."""

import contextlib
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from abm.errors import InputError
from abm.scenario.parameters import FIRM_COLUMNS
from abm.simulation.firm_table import read_firm_table
from tests.firm_tables import ROWS, SCENARIO, file, frame, read, refusal

# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"T": [1.0, None]}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": [1.0, np.inf]}, "row 2: T = inf is outside [1e-6, 1e9]"),
        ({"R": [-np.inf, 1.0]}, "row 1: R = -inf is outside [0, 1e21]"),
        ({"T": pd.array([1, None], dtype="Int64")}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": pd.Series([1, None], dtype=object)}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": pd.Series([1, pd.NA], dtype=object)}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": [1, 0]}, "row 2: T = 0.0 is outside [1e-6, 1e9]"),
        ({"T": [1, "2.5"]}, "row 2: T = '2.5' is not a number; allowed is"),
        ({"T": ["1", "2"]}, "row 1: T = '1' is not a number; allowed is"),
        ({"T": [True, False]}, "row 1: T = True is not a number; allowed is"),
        ({"T": pd.Series([1.0, True], dtype=object)}, "row 2: T = True is not a number; allowed is"),
        ({"T": [1j, 2]}, "row 1: T = 1j is not a number; allowed is"),
        ({"T": pd.Series([1, 10**400], dtype=object)}, "row 2: T = 1000000000000"),
        ({"age": [0, 0.5]}, "row 2: age = 0.5 is not an integer"),
        ({"age": [0, -1]}, "row 2: age = -1 is outside [0, 1e9]"),
        ({"age": [0, np.inf]}, "row 2: age = inf is not an integer"),
        ({"direction": [1, 0]}, "row 2: direction = 0.0 is outside -1 or 1"),
        ({"direction": [0.5, 1]}, "row 1: direction = 0.5 is outside -1 or 1"),
        ({"theta": [0.5, 0.96]}, "row 2: theta = 0.96 is outside [0.05, 0.95]"),
        ({"F": [1, np.inf]}, "row 2: F = inf is allowed only where the runway is inf; it is 6.0"),
        ({"F": [1, np.nan]}, "row 2: F is missing or nan; allowed is [0, inf]"),
        ({"F": [-1, 0]}, "row 1: F = -1.0 is outside [0, inf]"),
        ({"sector": ["retail", None]}, "row 2: sector is missing; the scenario has retail, enterprise"),
        ({"sector": ["retail", "Retial"]}, "row 2: unknown sector 'Retial' (did you mean 'retail'?); "),
        ({"strategy": ["zz", "bold"]}, "row 1: unknown strategy 'zz'; the scenario has bold, calm"),
        ({"strategy": [["bold"], "bold"]}, "row 1: unknown strategy \"['bold']\""),
        ({"tehta": [0.5, 0.5]}, "unknown column 'tehta' (did you mean 'theta'?); known are sector, "),
        ({"zzzz": [0.5, 0.5]}, "unknown column 'zzzz'; known are sector, strategy, name, T0, "),
        ({"name": pd.Series(["a", "\udc80"], dtype=object)}, r"row 2: name = '\udc80' holds half"),
    ],
)  # fmt: skip
def test_a_dataframe_is_refused_with_row_column_value_and_what_is_allowed(columns, message):
    assert refusal(frame(**columns)).startswith(f"firm table: {message}")


@pytest.mark.parametrize("name", FIRM_COLUMNS)
def test_every_column_is_held_to_its_range(name):
    parameter = FIRM_COLUMNS[name]
    low, high = (-1, 1) if parameter.choices else (parameter.low, parameter.high)
    assert read({name: [low, low]}).values[ROWS[name], 0] == max(low, 1e-9 if name == "B" else low)
    beyond = low - 1 if name == "age" else np.nextafter(low, -np.inf)
    assert f"row 2: {name} = " in refusal(frame(**{name: [low, beyond]}))
    if name != "F":
        assert read({name: [high, high]}).values[ROWS[name], 1] == high
        beyond = high + 1 if name == "age" else np.nextafter(high, np.inf)
        assert f"row 2: {name} = " in refusal(frame(**{name: [high, beyond]}))


@pytest.mark.parametrize("date", [pd.Timestamp("2024-01-01"), datetime.date(2024, 1, 1), pd.Timedelta("1D")])
def test_a_date_is_no_number(date):
    message = refusal(frame(T=[date, date]))
    assert message.startswith("firm table: row 1: T = ")
    assert "is not a number" in message


def test_a_dataframe_with_two_columns_of_one_name_is_refused():
    firms = pd.concat([frame(T=[1, 2]), frame()[["sector"]]], axis=1)
    assert refusal(firms) == "firm table: column 'sector' is there twice"
    assert (
        refusal(frame(name=["a", "b"], T=[1, 2]).set_index("T", drop=False)) == "firm table: column 'T' is there twice"
    )


def test_names_of_columns_that_are_no_texts_are_refused():
    assert refusal(pd.DataFrame([[1, 2]])).startswith("firm table: unknown column 0")
    columns = pd.MultiIndex.from_tuples([("sector", "a"), ("strategy", "a")])
    assert refusal(pd.DataFrame([["retail", "bold"]], columns=columns)).startswith("firm table: unknown column ('sec")


@pytest.mark.parametrize("column", ["sector", "strategy"])
def test_sector_and_strategy_must_be_there(column):
    assert refusal(frame().drop(columns=column)) == f"firm table: column '{column}' is missing"


def test_a_table_without_rows_is_refused():
    assert refusal(frame(rows=0)) == "firm table: no rows; a firm table has a row a firm"


@pytest.mark.parametrize("source", [None, 3, {"sector": ["retail"]}, [1, 2], b"firms.csv", True])
def test_what_is_neither_a_path_nor_a_dataframe_is_refused(source):
    assert refusal(source) == f"firms = {source!r} is neither a path nor a DataFrame"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty; a firm table starts with the names of its columns"),
        ("\ufeff", "empty; a firm table starts with the names of its columns"),
        ("\n \n\n", "empty; a firm table starts with the names of its columns"),
        ("sector,strategy\n", "no rows; a firm table has a row a firm"),
        ("sector,strategy", "no rows; a firm table has a row a firm"),
        ("retail,bold\n", "unknown column 'retail'"),
        ("strategy\nbold\n", "column 'sector' is missing"),
        (",sector,strategy\nx,retail,bold\n", "column 1 has no name (is it an index? write the table without"),
        ("sector strategy\nretail bold\n", "columns are separated by blanks; separate them by commas"),
        ('"sector" "strategy"\n"1" "retail" "bold"\n', "columns are separated by blanks; separate them by commas"),
        ("# firms\nsector,strategy\nretail,bold\n", "unknown column '# firms'"),
        ("sector,strategy\n1,retail,bold\n", "row 1 (line 2) has 3 cells for 2 columns (a decimal comma, a thousands"),
        ("sector,strategy,T,T\nretail,bold,1,2\n", "column 'T' is there twice"),
        ("sector,strategy,T, T\nretail,bold,1,2\n", "column 'T' is there twice"),
        ("sector,strategy,T.1\nretail,bold,1\n", "unknown column 'T.1'; known are sector, strategy, "),
        ("sector,strategy,T\nretail,bold,1\nretail,bold,\n", "row 2 (line 3): T is missing or nan"),
        ("sector,strategy,T\nretail,bold,1\nretail,bold, \n", "row 2 (line 3): T is missing or nan"),
        ("sector,strategy,T\nretail,bold,nan\n", "row 1 (line 2): T is missing or nan"),
        ("sector,strategy,T\nretail,bold,NA\n", "row 1 (line 2): T is missing or nan; allowed is"),
        ("sector,strategy,T\nretail,bold,inf\n", "row 1 (line 2): T = inf is outside [1e-6, 1e9]"),
        ("sector,strategy,T\nretail,bold,1e400\n", "row 1 (line 2): T = inf is outside [1e-6, 1e9]"),
        ("sector,strategy,T\nretail,bold,1\nretail,bold,1e10\n", "row 2 (line 3): T = 10000000000.0 is"),
        ("sector,strategy,T\nretail,bold,Inf\n", "row 1 (line 2): T = inf is outside [1e-6, 1e9]"),
        ("sector,strategy,T\nretail,bold,1_\n", "row 1 (line 2): T = '1_' is not a number; allowed is"),
        *[
            (f'sector,strategy,T\nretail,bold,"{text}"\n', f"row 1 (line 2): T = {text!r} is not a number; allowed is "
             "[1e-6, 1e9]; a decimal comma or a thousands separator: write 1234.5")
            for text in ("1,5", "1,500", "1.234,5", "1,234.5", "1 500", "1'500")
        ],
        ("sector;strategy;T\nretail;bold;1,500\n", "row 1 (line 2): T = '1,500' may be thousands or a decimal number"),
        ("sector;strategy;T\nretail;bold;1.500\n", "row 1 (line 2): T = '1.500' may be thousands or a decimal number"),
        ("sector;strategy;T\nretail;bold;1,5\nretail;bold;1.5\n", "row 2 (line 3): T = '1.5' has a point where other"),
        ("sector,strategy,T\nretail,bold,true\n", "row 1 (line 2): T = 'true' is not a number; allowed is"),
        ("sector,strategy,T\nretail,bold,2024-01-01\n", "row 1 (line 2): T = '2024-01-01' is not a number"),
        ("sector,strategy,age\nretail,bold,1.5\n", "row 1 (line 2): age = 1.5 is not an integer"),
        ("sector,strategy\n,bold\n", "row 1 (line 2): sector is missing; the scenario has"),
        ("sector,strategy\nretail,bald\n", "row 1 (line 2): unknown strategy 'bald' (did you mean 'bold'?)"),
        ("sector,strategy\nretail,bold\nretail,bold,1\n", "row 2 (line 3) has 3 cells for 2 columns"),
        ("sector,strategy\nretail,bold,\n", "row 1 (line 2) has 3 cells for 2 columns (a separator too many"),
        ("sector,strategy,T\nretail,bold\n", "row 1 (line 2) has 2 cells for 3 columns"),
        ("sector,strategy,T\n\nretail,bold,1\n\nretail,bold\n", "row 2 (line 5) has 2 cells for 3 columns"),
        ('name,sector,strategy\n"a\nb",retail,bold\nc,retail,bald\n', "row 2 (line 4): unknown strategy"),
        ('sector,strategy,name\nretail,bold,"a\nretail,bold,b\n', "line 2: a quoted text does not end"),
        ('sector,strategy,name\nretail,bold,"a\nretail,bold,"b\n', "line 2: a quoted text does not end"),
        ('sector,strategy,name\nretail,bold,"a"b\n', "line 2: a quoted text does not end"),
        (b"sector,strategy,name\nretail,bold,caf\xe9\n", "not a text file in UTF-8 (line 2 holds the byte 0xe9)"),
        ("sector,strategy\nretail,bold\n".encode("utf-16-le"), "not a text file in UTF-8 (is it UTF-16 or"),
        (b"PK\x03\x04\x00", "not a text file in UTF-8 but a workbook; save it as CSV"),
        (b"PAR1\x00\x01\x02", "not a text file in UTF-8 (a Parquet file must end in .parquet or .pq)"),
        (b"\x00\x01", "not a text file in UTF-8"),
        (b"\x1f\x8b\x08", "not a text file in UTF-8"),
    ],
)  # fmt: skip
def test_a_csv_is_refused_with_file_row_and_line(tmp_path, content, message):
    path = file(tmp_path / "firms.csv", content)
    assert refusal(path).startswith(f"{path}: {message}")


def test_rows_are_named_rightly_far_down_a_file(tmp_path):
    rows = ['retail,bold,"a, b",1.0'] * 30_000 + ["retail,bold,c,0"] + ["retail,bold,d,1"] * 30_000
    path = file(tmp_path / "firms.csv", "\n".join(["sector,strategy,name,T", *rows]))
    assert refusal(path) == f"{path}: row 30001 (line 30002): T = 0.0 is outside [1e-6, 1e9]"


def test_a_text_longer_than_a_reader_takes_is_refused_in_a_line(tmp_path):
    path = file(tmp_path / "firms.csv", f"sector,strategy,name\nretail,bold,{'x' * 5_000_000}\n")
    assert refusal(path).startswith(f"{path}: not a readable CSV file: ")


def test_a_path_that_leads_to_no_file_is_refused(tmp_path, monkeypatch):
    assert refusal(tmp_path) == f"{tmp_path}: Is a directory"
    assert refusal(tmp_path / "none.csv") == f"{tmp_path / 'none.csv'}: No such file or directory"
    assert refusal(tmp_path / "none.parquet") == f"{tmp_path / 'none.parquet'}: No such file or directory"
    assert refusal("") == ".: Is a directory"
    assert "null" in refusal("a\0b")

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert refusal("secret.csv") == "secret.csv: Permission denied"


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1" * 9, b"sector,strategy\nretail,bold\n", b"\x00" * 100])
def test_a_file_that_is_not_parquet_is_refused(tmp_path, content):
    path = file(tmp_path / "firms.parquet", content)
    assert refusal(path).startswith(f"{path}: not a readable Parquet file: ")
    assert refusal(file(path, b"")).startswith(f"{path}: empty")


def test_a_parquet_file_that_was_cut_off_is_refused(tmp_path):
    frame(T=[1.0, 2.0]).to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    for length in range(1, len(whole), 97):
        assert "not a readable Parquet file" in refusal(file(tmp_path / "cut.parquet", whole[:length]))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"T": pa.array([1.0, None])}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": pa.array([1, None])}, "row 2: T is missing or nan; allowed is [1e-6, 1e9]"),
        ({"T": pa.array([True, False])}, "row 1: T = True is not a number; allowed is"),
        ({"T": pa.array([0, 1], pa.timestamp("s"))}, "row 1: T = Timestamp('1970-01-01 00:00:00') is not"),
        ({"T": pa.array([0, 1], pa.date32())}, "row 1: T = datetime.date(1970, 1, 1) is not a number"),
        ({"T": pa.array(["1", "2"])}, "row 1: T = '1' is not a number"),
        ({"T": pa.array([[1], [2]])}, "row 1: T = array([1]) is not a number"),
        ({"Tt": pa.array([1, 2])}, "unknown column 'Tt' (did you mean 'T"),
        ({"sector": pa.array(["retail", None])}, "row 2: sector is missing; the scenario has retail, "),
    ],
)  # fmt: skip
def test_a_parquet_file_is_refused_with_file_and_row(tmp_path, columns, message):
    path = tmp_path / "firms.parquet"
    parquet.write_table(pa.table({"sector": ["retail"] * 2, "strategy": ["bold"] * 2} | columns), path)
    assert refusal(path).startswith(f"{path}: {message}")


def test_a_parquet_file_with_two_columns_of_one_name_is_refused(tmp_path):
    path = tmp_path / "firms.parquet"
    parquet.write_table(pa.table([["retail"], ["bold"], [1.0], [2.0]], names=["sector", "strategy", "T", "T"]), path)
    assert refusal(path) == f"{path}: column 'T' is there twice"


CSV_PIECES = st.sampled_from(
    [
        "retail",
        "bold",
        "sector",
        "strategy",
        "name",
        "T",
        ",",
        ",",
        "\n",
        "\r",
        '"',
        '""',
        " ",
        "1",
        "x",
        "\ufeff",
        "é",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CSV_PIECES, max_size=30).map("".join).flatmap(lambda t: st.sampled_from([t, f"sector,strategy,name\n{t}"]))
)
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = file(tmp_path_factory.mktemp("any") / "firms.csv", text)
    try:
        table = read_firm_table(path, SCENARIO)
    except InputError as problem:
        outcome = str(problem).startswith(f"{path}: ")
    else:
        outcome = len(table.names) == len(table.sectors) > 0
    assert outcome


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_parquet_file_is_read_or_refused(tmp_path_factory, data):
    directory = tmp_path_factory.mktemp("damaged")
    frame(T=[1.0, 2.0], name=["a", "b"]).to_parquet(directory / "whole.parquet")
    content = bytearray((directory / "whole.parquet").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    # Any exception but InputError fails the test.
    with contextlib.suppress(InputError):
        read_firm_table(file(directory / "firms.parquet", bytes(content)), SCENARIO)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("firms.parquet", b"PAR1 and no more", "not a readable Parquet file"),
        ("firms.parquet", b"", "not a readable Parquet file"),
        ("run.json", b"[" * 100_000, "not readable JSON"),
        ("run.json", b"\xff{}", "not readable JSON"),
        ("run.json", b"[1]", "it holds no run, but [1]"),
        ("run.json", b"{}", "it tells no demand for each sector"),
    ],
)
def test_a_runs_directory_with_a_damaged_file_is_refused_by_that_file(tmp_path, name, data, said):
    frame().to_parquet(tmp_path / "firms.parquet")
    (tmp_path / "run.json").write_text('{"demand": {"retail": 1.0}}')
    (tmp_path / name).write_bytes(data)
    assert refusal(tmp_path).startswith(f"{tmp_path / name}: {said}")
