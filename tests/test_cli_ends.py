"""Ends of a command that it does not choose: interruptions, full disks, closed pipes."""

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from abm.numerics import compilation
from abm.output import new_folder
from abm.output import run_folder as rundir
from abm.output import terminal as report
from tests.run_directories import ROOT, SMALL, contents, run

# --- interruptions and full disks ---------------------------------------------------------------------


@pytest.fixture
def at_first_progress(monkeypatch):
    """Has something done when a run has made its first steps."""

    def install(action) -> None:
        @contextlib.contextmanager
        def progress(total, description, console):
            yield lambda steps: action()

        monkeypatch.setattr(report, "progress", progress)

    return install


def send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1)  # cut short by the signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_nothing_behind(number, tmp_path, at_first_progress, capsys):
    earlier = signal.getsignal(number)
    at_first_progress(lambda: send(number))
    assert run(tmp_path / "new" / "parent" / "out", *SMALL) == 130
    assert capsys.readouterr().err == "abm: interrupted\n"
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(number) == earlier


def test_an_interruption_while_writing_keeps_the_earlier_run(tmp_path, monkeypatch, capsys):
    assert run(tmp_path / "out", *SMALL) == 0
    before = contents(tmp_path)
    monkeypatch.setattr(rundir, "write_json", lambda value, path: send(signal.SIGTERM))
    assert run(tmp_path / "out", *SMALL, "--overwrite") == 130
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["out"]


def test_an_interruption_that_a_library_turns_into_its_own_error_still_counts(tmp_path, at_first_progress, capsys):
    def convert() -> None:
        try:
            send(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("half imported") from None

    at_first_progress(convert)
    assert run(tmp_path / "out", *SMALL) == 130
    assert os.listdir(tmp_path) == []


def test_a_second_interruption_ends_at_once_and_tidies_up(tmp_path, at_first_progress, monkeypatch):
    class Ended(BaseException):
        pass

    def end(code: int) -> None:
        assert code == 130
        assert os.listdir(tmp_path) == []
        raise Ended

    def stuck() -> None:
        with contextlib.suppress(KeyboardInterrupt):
            send(signal.SIGINT)
        assert len(os.listdir(tmp_path)) == 1
        send(signal.SIGTERM)

    monkeypatch.setattr(os, "_exit", end)
    at_first_progress(stuck)
    with pytest.raises(Ended):
        run(tmp_path / "out", *SMALL)


def test_a_signal_that_is_ignored_from_outside_stays_ignored(tmp_path, at_first_progress):
    earlier = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        at_first_progress(lambda: os.kill(os.getpid(), signal.SIGHUP))
        assert run(tmp_path / "out", *SMALL) == 0
    finally:
        signal.signal(signal.SIGHUP, earlier)


@pytest.mark.parametrize("name", ["write_parquet", "write_json", "_sync"])
def test_a_full_disk_ends_a_run_in_a_line_and_leaves_nothing(name, tmp_path, monkeypatch, capsys):
    def full(*arguments) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path))

    monkeypatch.setattr(new_folder if name == "_sync" else rundir, name, full)
    assert run(tmp_path / "out", *SMALL) == 1
    assert capsys.readouterr().err == f"abm: stopped: {tmp_path}: No space left on device\n"
    assert os.listdir(tmp_path) == []


def test_a_write_that_the_system_cuts_short_ends_a_run(tmp_path, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert run(tmp_path / "out", *SMALL) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    message = capsys.readouterr().err
    assert message.startswith("abm: stopped: ")
    assert "File too large" in message
    assert message.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_a_lack_of_memory_is_said_in_a_line(tmp_path, monkeypatch, capsys):
    def none(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("abm.simulation.simulate.simulate", none)
    assert run(tmp_path / "out", *SMALL) == 1
    assert capsys.readouterr().err == "abm: stopped: out of memory\n"
    assert os.listdir(tmp_path) == []


# --- processes of their own ---------------------------------------------------------------------------


def process(*arguments: str, **options) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "abm", *arguments], env=environment, **pipes | options)


def test_a_process_that_is_told_to_end_does_so_and_leaves_nothing(tmp_path):
    # A shell that starts this in the background has it ignore SIGINT.
    def heed() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    length = ["--set", "capacity=20", "--steps", "10000000", "--every", "0"]
    runs = {
        number: process("run", "four-sectors", *length, "--out", str(tmp_path / str(number)), preexec_fn=heed)
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    deadline = time.monotonic() + 60
    while len(os.listdir(tmp_path)) < len(runs) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(os.listdir(tmp_path)) == len(runs)
    time.sleep(2)
    for number, running in runs.items():
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out, err) == (130, "", "abm: interrupted\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_is_quick_because_it_imports_nothing_heavy(arguments):
    heavy = {"numpy", "pandas", "numba", "matplotlib", "mesa", "scipy", "rich"}
    heavy |= {"pydantic"} if arguments == ["--help"] else set()  # typer checks options with it
    code = f"import sys; from abm.cli import main; main({arguments}); print({heavy} & set(sys.modules))"
    printed = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert "Usage: abm" in printed
    assert printed.endswith("set()\n")


def test_an_interrupted_exec_does_not_turn_the_exit_code_into_a_signal(tmp_path):
    (tmp_path / "interrupted.py").write_text(
        "import sys; from abm import cli; from abm.output import files\n"
        "files.versions = lambda: exec('raise KeyboardInterrupt')\n"
        "sys.exit(cli.main(['version']))"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    command = [sys.executable, "-m", "interrupted"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "abm: interrupted\n")


def test_output_that_nobody_reads_or_no_disk_holds_ends_in_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    closed = process("parameters", "--markdown", stdout=writer)
    assert closed.communicate(timeout=60)[1] == ""
    assert closed.returncode == 1
    os.close(writer)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            stopped = process("parameters", "--markdown", stdout=full)
            assert stopped.communicate(timeout=60)[1] == "abm: stopped: No space left on device\n"
            assert stopped.returncode == 1


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_output_takes_nothing_from_a_run(closed, tmp_path):
    command = f"{sys.executable} -m abm run four-sectors {' '.join(SMALL)} --out {tmp_path / 'out'} {closed}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "steps.parquet" in os.listdir(tmp_path / "out")


def test_a_user_without_a_home_gets_no_folder_called_after_it(monkeypatch):
    def none() -> None:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", none)
    assert not [folder for folder in compilation._candidates() if "~" in str(folder)]
