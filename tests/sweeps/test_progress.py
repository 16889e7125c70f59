"""The progress of a sweep: its rate and time left, missing workers."""

import io
import math
import subprocess
import sys

import pytest
from rich.console import Console

from abm.sweeps import progress as of_progress
from abm.sweeps.progress import Progress
from abm.sweeps.terminal import progress_line, shown_progress
from abm.sweeps.work.executors.existing import ExistingCluster
from abm.sweeps.work.executors.local import LocalProcesses


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""

    class Clock:
        now = 1000.0

    monkeypatch.setattr(of_progress.time, "monotonic", lambda: Clock.now)
    return Clock


def test_the_time_left_is_from_the_rate_of_the_last_minutes(clock):
    progress = Progress(total=100_000)
    progress.start()
    for _ in range(1000):  # ten a second, then one
        clock.now += 1.0
        progress.made(10, 0)
    assert progress.rate() == pytest.approx(10.0, rel=0.02)
    for _ in range(200):
        clock.now += 1.0
        progress.made(1, 0)
    assert progress.rate() == pytest.approx(1.0, rel=0.1)
    assert progress.seconds_left() == pytest.approx(89_800 / progress.rate())
    clock.now += 600.0  # and nothing since
    assert progress.rate() == 0.0 and math.isnan(progress.seconds_left())
    for _ in range(1000):
        clock.now += 0.01
        progress.made(1, 0)
    assert progress.rate() == pytest.approx(1000 / 180, rel=0.02)
    assert len(progress._points) < 20  # one a second is kept


def test_the_line_names_missing_workers_and_each_note_is_said_once():
    progress = Progress(total=10, missing="1 of 2 workers", notes=["first"])
    assert progress_line(progress) == "0 of 10 runs, 1 of 2 workers, time left unknown"
    text = io.StringIO()
    with shown_progress(Console(file=text)) as watch:
        watch(progress)
        progress.notes.append("second")
        watch(progress)
        watch(progress)
    assert text.getvalue() == "note: first\nnote: second\n"


def test_each_executor_names_its_missing_workers():
    assert [LocalProcesses(2).missing_workers(each) for each in (2, 1)] == ["", "1 of 2 workers"]
    cluster = ExistingCluster("tcp://host:1")
    assert [cluster.missing_workers(each) for each in (3, 1, 3)] == ["", "1 of 3 workers", ""]


SCRIPT = """
import sys
from abm.sweeps import Design, sweep
text = 'scenario = "one-market"\\n[set]\\nsteps = 5\\ncapacity = 20\\n[factors]\\nchurn = [0.1, 0.9]'
print(len(sweep(Design.from_toml(text), sys.argv[1], workers=1).outcomes))
"""


@pytest.mark.slow
@pytest.mark.parametrize("comes", ["by a pipe", "as a file"])
def test_a_script_without_a_main_guard_can_make_a_sweep(tmp_path, comes):
    (tmp_path / "mine.py").write_text(SCRIPT)
    command = [sys.executable, "-" if comes == "by a pipe" else str(tmp_path / "mine.py"), str(tmp_path / "out")]
    told = subprocess.run(command, input=SCRIPT, capture_output=True, text=True, timeout=600, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "20\n", "")
