"""What `abm calibrate` refuses: exit code 2, one line that names the thing, nothing written."""

import pytest

from abm import simulate
from abm.calibration.firm_data import read_panel
from abm.calibration.specification import Specification
from abm.calibration.worker import Wanted, runs_of
from abm.cli import main
from abm.market.user_functions import user_function

GOOD = """
scenario = "four-sectors"
[set]
steps = 12
capacity = 20
[parameters]
churn = {low = 0.05, high = 0.8, scale = "log"}
[targets]
sector_hhi = {value = 2500, error = 200}
[search]
budget = 20
"""
DATA = 'data = {file = "firms.csv", moments = ["growth_sd", "profit_persistence"]}\n'
TARGET = "sector_hhi = {value = 2500, error = 200}"


def refused(tmp_path, capsys, text: str) -> str:
    (tmp_path / "my.toml").write_text(text)
    before = sorted(path.name for path in tmp_path.iterdir())
    code = main(["calibrate", str(tmp_path / "my.toml"), "--out", str(tmp_path / "out")])
    screen = capsys.readouterr()
    assert code == 2 and not screen.out and screen.err.count("\n") == 1, screen.err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    return screen.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sector_hhi", "sector_hi", "[targets] unknown outcome 'sector_hi' (did you mean 'sector_hhi'?)"),
        ("churn =", "chrun =", "[parameters] unknown parameter 'chrun' (did you mean 'churn'?)"),
        (TARGET, "sector_hhi = {error = 200}", "[targets] sector_hhi: value is missing"),
        (TARGET, 'sector_hhi = "much"', "[targets] sector_hhi = 'much' is not a finite number"),
        (TARGET, "sector_hhi = nan", "[targets] sector_hhi = nan is not a finite number"),
        (TARGET, "sector_hhi = {value = 1, error = 0}", "[targets] sector_hhi: error = 0 is not above 0"),
        (TARGET, "sector_hhi = {value = 1, error = -2.5}", "[targets] sector_hhi: error = -2.5 is not above 0"),
        (TARGET, "sector_hhi = {value = 1, eror = 2}", "unknown key 'eror' (did you mean 'error'?)"),
        (TARGET, "sectors.nlp_vison.mean_R = 1", "'sectors.nlp_vision.mean_R'?)"),
        (TARGET, 'structure = "monopoly"', "structure is a word, as monopoly; a target is a number"),
        (TARGET, "winner = 1", "winner is a word"),
        (TARGET, "", "there is nothing to meet"),
        ("budget = 20", "budget = 1", "[search] budget = 1 is below 2, a point more than there are parameters"),
        ("budget = 20", "budgett = 20", "[search] unknown key 'budgett' (did you mean 'budget'?)"),
        ("budget = 20", "seeds = 1", "[search] seeds = 1 is not an integer of at least 2"),
        ("budget = 20", 'weighting = "optimum"', "weighting = 'optimum' is not diagonal or optimal"),
        ("[set]", 'weighting = "optimal"\n[set]', "unknown key 'weighting' (it belongs in [search])"),
        ("[set]", "[sett]", "unknown key 'sett' (did you mean 'set'?)"),
        ('scenario = "four-sectors"', "", "scenario: it is missing"),
        ("{low = 0.05, high = 0.8, scale", "{low = 0.8, high = 0.05, scale", "churn: low = 0.8 is not below high"),
        ('{low = 0.05, high = 0.8, scale = "log"}', "0.3", "churn = 0.3 is not a range {low = .., high = ..}"),
        ('{low = 0.05, high = 0.8, scale = "log"}', "[0.1, 0.3]", "churn = [0.1, 0.3] is not a range"),
        ("high = 0.8", "high = 1.8", "churn = 1.8 is outside (0, 1]"),
        ("capacity = 20", "churn = 0.5", "[set] churn would be overwritten by the parameter churn"),
        ("budget = 20", "budget = 20\n[data]\nfile = 'firms.csv'\nmoments = ['growth']", "unknown moment 'growth'"),
    ],
)  # fmt: skip
def test_a_specification_is_refused_by_key_value_and_what_is_allowed(tmp_path, capsys, old, new, said):
    assert old in GOOD
    error = refused(tmp_path, capsys, GOOD.replace(old, new, 1))
    assert error.startswith(f"abm: error: {tmp_path / 'my.toml'}: ") and said in error


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("firm,step,R\na,1,1\na,2,1\n", "column 'B' is missing, which the moment growth_sd needs"),
        ("firm,step,B\na,1,1\na,2,1\n", "column 'R' is missing, which the moment profit_persistence needs"),
        ("step,B,R\n1,1,1\n", "column 'firm' is missing"),
        ("firm,B,R\na,1,1\n", "column 'step' is missing"),
        ("firm,step,B,R\na,3,1,1\nb,3,1,1\n", "has one step, 3; moments of change need two or more"),
        ("firm,step,B,R\na,1,1,1\na,1,2,1\na,2,1,1\n", "firm 'a' has 2 rows of step 1"),
        ("firm,step,B,R\na,1,1,1\na,3,2,1\na,6,1,1\n", "steps 3 and 6 do not lie a multiple of 2 apart"),
        ("firm,step,B,R\na,1,1,1\na,2,0,1\n", "row 2 (line 3): B = 0"),
        ("firm,step,B,R\na,1,1,1\na,2,,1\n", "row 2 (line 3): B is missing or nan"),
        ("firm,step,sector,B,R\na,1,nlp,1,1\na,2,nlp,1,1\n", "unknown sector 'nlp'"),
        ("firm,step,B,R\na,1,1,1\na,99,1,1\n", "step = 99 is beyond the 12 steps of a run"),
        ("firm,step,B,R\na,1,1,1\na,2,1,1\n", "has too few values for the moment growth_sd"),
        ("firm,step,B,R\n", "no rows"),
    ],
)
def test_data_is_refused_by_file_row_and_column(tmp_path, capsys, table, said):
    (tmp_path / "firms.csv").write_text(table)
    error = refused(tmp_path, capsys, DATA + GOOD)
    assert "[data] " in error and "firms.csv: " in error and said in error


def test_a_sectors_name_is_the_same_in_any_way_that_unicode_writes_it(tmp_path):
    # é as one character in the scenario, as e and an accent in the file
    (tmp_path / "firms.csv").write_text("firm,step,sector,B\na,1,caf\u0065\u0301,1\na,2,caf\u0065\u0301,2\n")
    assert read_panel(tmp_path / "firms.csv", ["other", "caf\u00e9"], ("growth_sd",)).sector.tolist() == [1, 1]


def test_a_name_of_a_moment_is_not_taken_twice(tmp_path, capsys):
    simulate("four-sectors", 1, panel=4).panel.to_parquet(tmp_path / "firms.parquet")
    text = GOOD.replace("steps = 12\ncapacity = 20", "").replace(TARGET, "size_variance_slope = 1")
    text = 'data = {file = "firms.parquet", moments = ["size_variance_slope"]}\n' + text
    assert "size_variance_slope is both a target and a moment of [data]" in refused(tmp_path, capsys, text)


def test_moments_of_a_runs_own_panel_have_values_and_errors(tmp_path):
    simulate("four-sectors", 1, panel=4).panel.to_parquet(tmp_path / "firms.parquet")
    text = GOOD.replace("steps = 12\ncapacity = 20", "")
    spec = Specification.from_toml(DATA.replace("csv", "parquet") + text, folder=tmp_path)
    assert [each.column for each in spec.targets] == ["sector_hhi", "moments.growth_sd", "moments.profit_persistence"]
    assert all(each.of_data and each.error > 0.0 and each.value > 0.0 for each in spec.targets[1:])
    assert spec.panel.spacing == 4 and spec.level == "light"


def test_a_file_that_is_not_there_and_a_missing_package_are_a_line(tmp_path, capsys, monkeypatch):
    assert "firms.csv: No such file" in refused(tmp_path, capsys, DATA + GOOD)
    monkeypatch.setattr("abm.calibration.calibration.LIBRARIES", {"dfols_missing": "DFO-LS"})
    assert "a calibration needs DFO-LS: pip install -e '.[calibration]' in a clone of abm" in refused(
        tmp_path, capsys, GOOD
    )


def test_a_target_that_no_run_has_is_refused_and_leaves_nothing(tmp_path, capsys):
    text = GOOD.replace(TARGET, "hill = {value = 2, error = 1}").replace("budget = 20", "budget = 4\nseeds = 2")
    (tmp_path / "my.toml").write_text(text)
    code = main(["calibrate", str(tmp_path / "my.toml"), "--workers", "1", "--out", str(tmp_path / "new" / "out")])
    said = capsys.readouterr().err
    assert code == 2 and "the target hill is missing in a run of" in said
    assert not (tmp_path / "new").exists()


def test_a_measure_of_the_users_own_may_be_a_target(tmp_path):
    (tmp_path / "mine.py").write_text("def young(firms):\n    return (firms.age < 8).mean()\n")
    text = (
        'scenario = "one-market"\nmeasures = "mine.py:young"\nset = {steps = 12, capacity = 20}\n'
        "parameters = {churn = {low = 0.1, high = 0.9}}\ntargets = {young = 0.5}"
    )
    spec = Specification.from_toml(text, folder=tmp_path)
    assert (spec.targets[0].name, spec.level) == ("young", "light")
    table = runs_of(spec.scenario, [1, 2], False, Wanted(), spec.measures)
    function = user_function(spec.measures["young"])
    alone = [simulate(spec.scenario, seed, measures={"young": function}).outcomes["young"] for seed in (1, 2)]
    assert table["young"].to_pylist() == alone


def test_functions_of_the_users_own_are_read_beside_the_file_and_compiled_first(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "def two(firm, sector, draw):\n    return 0.5, 0.5\ndef array(firms):\n    return firms.T\n"
    )
    for given, message in (
        (GOOD.replace("[set]", '[set]\npolicy = "mine.py:two"'), "policy = 'mine.py:two': it returns 2 numbers"),
        (f'measures = "mine.py:array"\n{GOOD}', "measure array: it returns"),
    ):
        (tmp_path / "my.toml").write_text(given)
        assert main(["calibrate", str(tmp_path / "my.toml"), "--out", str(tmp_path / "out")]) == 2
        assert f"my.toml: {message}" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
