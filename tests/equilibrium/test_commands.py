"""`abm equilibrium` from end to end: its JSON, its words, its table, its picture, and what it refuses."""

import json
import math
import re

import pytest

from abm import Scenario
from abm.cli import main
from abm.equilibrium.equilibria import describe, equilibria
from abm.equilibrium.figure import equilibrium_picture
from abm.equilibrium.text import equations_in_words, in_words, number
from abm.output.style import TITLE, width_of

FOUR = Scenario.load("four-sectors")


def printed(capsys, *arguments):
    assert main(["equilibrium", *arguments]) == 0
    return capsys.readouterr().out


def test_the_json_has_the_keys_that_others_rely_on(capsys):
    options = ("--set", "sectors.enterprise.monetisation=1.5", "--set", "T0=2", "--json")
    told = json.loads(printed(capsys, "four-sectors", *options), parse_constant=pytest.fail)
    entry = ["baseline", "k", "loop_gain", "equilibria", "take_off_threshold"]
    assert list(told) == [*entry, "sectors"]
    assert told["baseline"] == {"T0": 2.0, "C0": 1.0, "R0": 1.0}
    assert told["k"] == {"k1": 0.9, "k2": 0.9, "k3": 0.9}
    assert told["loop_gain"] == pytest.approx(2 * 0.9**3)
    assert [list(each) for each in told["equilibria"]] == [
        ["T", "C", "R", "spectral_radius", "stable", "is_baseline"]
    ] * len(told["equilibria"])
    assert [sector["name"] for sector in told["sectors"]] == [
        "nlp_vision", "smart_hardware", "enterprise", "health_finance",
    ]  # fmt: skip
    assert [sector["k3"] for sector in told["sectors"]] == pytest.approx([0.9, 0.9, 1.35, 0.9])
    for sector in told["sectors"]:
        assert set(sector) == {"name", "k3", *entry}
        assert sector["k"]["k3"] == sector["k3"]
        values = *sector["baseline"].values(), *sector["k"].values()
        assert sector["equilibria"] == [one._asdict() for one in equilibria(*values)]
    assert told["sectors"][0] == {"name": "nlp_vision", "k3": 0.9} | {key: told[key] for key in entry}


def test_the_json_is_strict_where_a_root_is_at_infinity_and_null_where_there_is_no_threshold(capsys):
    small = [f"--set={name}=1e-310" for name in ("k1", "k2", "k3")]
    told = json.loads(printed(capsys, "article", *small, "--json"), parse_constant=pytest.fail)
    assert told["take_off_threshold"] == told["equilibria"][1]["T"] == "inf"
    told = json.loads(printed(capsys, "article", "--set", "k1=4", "--json"))
    assert told["take_off_threshold"] is None


def test_ceilings_are_an_option_of_the_command(capsys):
    told = json.loads(printed(capsys, "take-off", "--json", "--ceilings"))
    assert told["ceilings"] == dict.fromkeys(("technology_ceiling", "competitiveness_ceiling", "return_ceiling"), 8.0)
    assert len(told["equilibria"]) == 3
    assert told["take_off_threshold"] == pytest.approx(1.129, abs=5e-4)


def test_the_speeds_reading_and_ceilings_of_a_scenario_do_not_change_its_json():
    base = Scenario()
    other = base.replace(reading="rate", technology_speed=0.01, technology_ceiling=0.1)
    assert describe(base) == describe(other)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off"),
        ({"k1": 0}, "loop gain 0: the baseline is stable; no push makes a firm take off"),
        ({"k1": 1, "k2": 1, "k3": 1},
         "loop gain 1: the baseline is at the edge; firms above it take off, firms below it return slowly"),
        ({"k1": 1.00002, "k2": 1, "k3": 1},
         "loop gain 1.00002: the baseline is unstable; firms above it take off, "
         "firms below it can rest at T = 0.99999"),
        ({"k1": 3.7, "k2": 3.7, "k3": 3.7},
         "loop gain 50.7: the baseline is unstable; firms above it take off, firms below it come to rest nowhere"),
    ],
)  # fmt: skip
def test_a_sentence_says_what_the_numbers_mean(changes, sentence):
    entry = describe(Scenario(**changes))
    assert in_words(entry) == sentence


def test_numbers_in_words_have_as_many_digits_as_tell_them_from_the_reference():
    assert [number(x, 1.0) for x in (1.0, 1.2345, 0.9999999, 123456.0, math.inf)] == [
        "1", "1.23", "0.9999999", "123456", "inf",
    ]  # fmt: skip


def test_the_table_names_every_sector_and_has_a_line_of_words_for_each(capsys):
    text = printed(capsys, "four-sectors", "--set", "sectors.enterprise.monetisation=1.5")
    assert re.search(r"^k3 = 0.9: nlp_vision, smart_hardware, health_finance$", text, re.MULTILINE)
    assert re.search(r"^k3 = 1.35: enterprise$", text, re.MULTILINE)
    assert re.search(r"^ *1.11 +1.11 +1.11 +1.1 +unstable +1.02 +unstable", text, re.MULTILINE)
    assert text.count("loop gain 0.729: the baseline is stable; firms pushed above T = 1.11 take off\n") == 3
    assert "enterprise: loop gain 1.09: the baseline is unstable" in text
    assert "k1 = 1.235, k2 = 1.235, k3 = 1.235, each alone" in text
    assert "reading: all of this is literal; rate is at rest only" in printed(
        capsys, "one-market", "--set=reading=rate"
    )


@pytest.mark.parametrize(
    ("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")]
)
def test_a_picture_is_written_by_its_ending_and_replaced_only_when_told_to(tmp_path, capsys, ending, start):
    path = tmp_path / "new" / f"picture{ending}"
    printed(capsys, "article", "--plot", str(path))
    assert path.read_bytes().startswith(start)
    path.write_bytes(b"mine")
    assert main(["equilibrium", "article", "--plot", str(path)]) == 2
    assert capsys.readouterr().err == f"abm: error: {path}: exists already; --overwrite replaces it\n"
    assert path.read_bytes() == b"mine"
    printed(capsys, "article", "--plot", str(path), "--overwrite", "--json")
    assert path.read_bytes().startswith(start)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["article", "--plot", "picture.jpg"], "picture.jpg: a picture's name ends in .pdf, .svg or .png"),
        (["article", "--plot", "picture"], "picture: a picture's name ends in .pdf, .svg or .png"),
        (["article", "--plot", "folder.png"], "folder.png: is a directory"),
        (["article", "--plot", "file/picture.png"], "file/picture.png: "),
        (["artcle"], "unknown scenario 'artcle' (did you mean 'article'?)"),
        (["article", "--set", "k1=-1"], "setting 'k1=-1': k1 = -1 is outside [0, 1e6]"),
    ],
)
def test_what_the_command_cannot_do_is_refused_with_code_two(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    assert main(["equilibrium", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"abm: error: {message}")
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("ceilings", "said"), [(False, "without ceilings"), (True, "with ceilings")])
def test_the_picture_says_whether_ceilings_count_and_names_its_axes(ceilings, said):
    figure = equilibrium_picture(Scenario.load("take-off"), ceilings=ceilings)
    texts = [text.get_text() for text in figure.texts]
    assert any(text.startswith(f"{said}, loop gain") for text in texts)
    assert max(width_of(text, TITLE) for text in texts) < 15.0
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)


def test_the_words_about_the_equations_name_all_sectors_that_are_alike_and_the_reading():
    rates = {f"sectors.{each.name}.monetisation": 1.5 for each in FOUR.sectors}
    two = dict(list(rates.items())[:2])
    said = equations_in_words(FOUR.replace(**two))
    names = [each.name for each in FOUR.sectors]
    assert said.startswith("The equations without ceilings: loop gain 0.729: ")
    assert f"in {names[0]} and {names[1]} loop gain 1.09: " in said and names[2] not in said
    said = equations_in_words(FOUR.replace(**rates))
    assert said.startswith("The equations without ceilings: in all sectors loop gain 1.09: ") and "0.729" not in said
    assert "That is literal" not in said
    said = equations_in_words(FOUR.replace(reading="rate"))
    assert "That is literal; rate is " in said and "any loop gain grows" in said


def test_the_words_about_the_equations_tell_sectors_apart_where_they_differ(capsys):
    scenario = FOUR.replace(**{"sectors.enterprise.monetisation": 1.5})
    said = equations_in_words(scenario)
    assert main(["equilibrium", "four-sectors", "--set", "sectors.enterprise.monetisation=1.5"]) == 0
    printed = capsys.readouterr().out
    lines = dict(line.split(": ", 1) for line in printed.splitlines() if ": " in line)
    assert lines["nlp_vision"] in said and f"in enterprise {lines['enterprise']}" in said
    assert "health_finance" not in said
