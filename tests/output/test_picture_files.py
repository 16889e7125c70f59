"""Pictures that a user names: of the kind that the ending says, refused before computing, nothing overwritten."""

import pytest
from matplotlib.figure import Figure

from abm import Scenario, simulate
from abm.cli import main
from abm.output.overview import overview
from abm.output.picture_files import picture_bytes, write_picture

STARTS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}
RUN = ["run", "four-sectors", "--steps", "3", "--set", "capacity=30", "--no-picture"]


def test_a_run_is_drawn_into_every_file_that_is_named(tmp_path, capsys):
    files = [tmp_path / "figures" / f"run.{kind}" for kind in STARTS]
    named = [word for file in files for word in ("--plot", str(file))]
    assert main([*RUN, "--out", str(tmp_path / "run"), *named]) == 0
    for file, start in zip(files, STARTS.values(), strict=True):
        assert file.read_bytes().startswith(start)
    shown = capsys.readouterr().out
    assert all(file.name in shown for file in files)
    assert not (tmp_path / "run" / "overview.png").exists()


@pytest.mark.parametrize(
    ("plot", "says"),
    [
        ("picture.jpg", "ends in .pdf, .svg or .png"),
        ("picture", "ends in .pdf, .svg or .png"),
        ("there.pdf", "exists already; --overwrite replaces it"),
        ("folder.pdf", "is a directory"),
        ("there.pdf/picture.pdf", "is not a directory"),
        ("run/picture.pdf", "holds files of the run alone"),
    ],
)
def test_a_place_where_no_picture_can_be_is_refused_before_anything_is_computed(tmp_path, capsys, plot, says):
    (tmp_path / "there.pdf").write_text("mine")
    (tmp_path / "folder.pdf").mkdir()
    out = tmp_path / "run"
    assert main([*RUN, "--out", str(out), "--plot", str(tmp_path / plot)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert not out.exists()
    assert (tmp_path / "there.pdf").read_text() == "mine"


def test_with_overwrite_a_picture_is_replaced(tmp_path):
    (tmp_path / "there.pdf").write_text("mine")
    assert main([*RUN, "--out", str(tmp_path / "run"), "--plot", str(tmp_path / "there.pdf"), "--overwrite"]) == 0
    assert (tmp_path / "there.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("kind", STARTS)
def test_equal_runs_give_equal_files(kind):
    result = simulate(Scenario.load("four-sectors").replace(steps=3, capacity=30, name="大模型 <&> $x$"))
    assert picture_bytes(overview(result), kind) == picture_bytes(overview(result), kind)


def test_a_picture_that_cannot_be_drawn_leaves_no_file(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(MemoryError):
        write_picture(Figure(), tmp_path / "picture.pdf")
    assert not list(tmp_path.iterdir())
