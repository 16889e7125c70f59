"""The command line `abm`: parses, calls and prints, and gives every end an exit code.

0: done. 1: stopped by something outside, said in a line. 2: bad input, one message. 3: a sweep with failed runs.
130: interrupted. Each command stands in the `commands` module of the room that it calls.
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence

import typer

from abm.calibration.commands import calibrate
from abm.comparison.commands import compare
from abm.dashboard.commands import dashboard
from abm.discovery.commands import discover
from abm.equilibrium.commands import equilibrium
from abm.errors import InputError, Stopped
from abm.output.commands import parameters, scenarios, version
from abm.output.interruption import INTERRUPTED, interruptible
from abm.sensitivity.commands import analyse
from abm.simulation.commands import check, compile_ahead, outcomes, rerun, run
from abm.sweeps.commands import app as sweep_app

DONE, STOPPED, REFUSED = 0, 1, 2
# The base of typer's refusals; typer has no public name for it.
_USAGE_ERROR = typer.BadParameter.__bases__

app = typer.Typer(
    name="abm",
    help="Agent-based market simulation of large-model firms between technology and market.",
    add_completion=False,
    rich_markup_mode=None,  # plain help does not import rich
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands = (
    *(run, rerun, check, scenarios, parameters, outcomes, equilibrium),
    *(compare, analyse, calibrate, discover, dashboard, version),
)
for command in commands:
    app.command()(command)
app.command(name="compile")(compile_ahead)
app.add_typer(sweep_app)


@contextlib.contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """In the block a warning is one line that begins like an error."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"abm: warning: {' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _end(code: int, message: str) -> int:
    """Print how it ended, and return the exit code."""
    print(f"abm: {message}", file=sys.stderr)
    return code


def _drop_output() -> None:
    """Forget output that cannot be written; the interpreter would try once more at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_closed_streams() -> None:
    """Replace closed output (`>&-`) by one that drops all, or a file of the run's would take its number."""
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(free, True)
    os.close(free)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", closefd=False))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["check", "four-sectors", "--set", "steps=1"])
    four-sectors: 4 sectors, 5 strategies, 400 firms, 400 slots, 1 step
    0
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a letter that the terminal lacks must not end a run
            stream.reconfigure(errors="backslashreplace")
    try:
        with interruptible(), _warnings_in_a_line():
            code = app(arguments, prog_name="abm", standalone_mode=False) or DONE
            sys.stdout.flush()
    except Stopped as problem:
        return _end(STOPPED, f"stopped: {problem}")
    except InputError as problem:
        return _end(REFUSED, f"error: {problem}")
    except _USAGE_ERROR as problem:
        command = problem.ctx.command_path if problem.ctx else "abm"
        # Typer has choices checked by pydantic, which puts these words before each message.
        text = " ".join(problem.format_message().split()).replace(": Value error, ", ": ")
        return _end(REFUSED, f"error: {text} (see {command} --help)")
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        _drop_output()
        return STOPPED
    except OSError as problem:
        _drop_output()
        place = f"{problem.filename}: " if problem.filename else ""
        return _end(STOPPED, f"stopped: {place}{problem.strerror or problem}")
    except MemoryError:
        return _end(STOPPED, "stopped: out of memory")
    if code == INTERRUPTED:  # perhaps by way of typer, which makes a code of it
        # `python -m` remembers that an exec() was interrupted, as there are in many imports, and would end by a
        # signal instead of with this code; another exec() makes it forget.
        exec("")
        return _end(INTERRUPTED, "interrupted")
    return code
