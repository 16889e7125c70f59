"""The command line `abm`: parses, calls and prints, and turns every end into an exit code.

0 done; 1 stopped by something outside, said in a line; 2 bad input, one message; 3 a sweep with failed runs; 130
interrupted. Commands
import what they need themselves, so that help and refusals do not wait for the numerical libraries.
"""

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from abm.comparison.commands import compare
from abm.dashboard.commands import dashboard
from abm.errors import InputError, Stopped
from abm.output.options import whole
from abm.sensitivity.commands import analyse
from abm.sweeps.commands import app as sweep_app

DONE, STOPPED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_MOST = 10_000_000  # steps that a run can have
_told_to_end = threading.Event()
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
app.add_typer(sweep_app)
app.command()(compare)
app.command()(analyse)
app.command()(dashboard)


class Level(StrEnum):
    """How much is collected at each step."""

    light = "light"
    full = "full"


ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A bundled scenario's name or the path of a TOML file.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Change a parameter: NAME, sectors.NAME.KEY, strategies.NAME.KEY, or a KEY for all of them.",
    ),
]
Firms = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Start from a table of firms (CSV or Parquet), or from where a run ended (its DIR)."
    ),
]
Plot = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Draw the picture into a file, .pdf, .svg or .png. May be repeated."),
]


@app.command()
def run(
    scenario: ScenarioName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory to write; it must not hold a run yet.")],
    settings: Settings = None,
    steps: Annotated[str | None, typer.Option(metavar="N", help="The same as --set steps=N.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0, 2**63 - 1), help="Seed of all draws.")] = 0,
    firms: Firms = None,
    panel: Annotated[
        int,
        typer.Option(metavar="N", parser=whole(0, _MOST), help="Keep the firms of each Nth step; 0: none."),
    ] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that DIR holds.")] = False,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", parser=whole(1, 1024), help="Changes only the speed. Default: by size."),
    ] = None,
    level: Annotated[Level, typer.Option(help="light leaves out Gini and quantiles.")] = Level.full,
    every: Annotated[
        int, typer.Option(metavar="N", parser=whole(0, _MOST), help="Keep each Nth step's row; 0: none.")
    ] = 1,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Do not draw overview.png.")] = False,
    follow: Annotated[
        list[str] | None,
        typer.Option("--follow", metavar="NAME", help="Draw a firm of the table in the overview; may be repeated."),
    ] = None,
    plot: Plot = None,
) -> None:
    """Run a scenario once and write its results."""
    from abm.output.new_folder import new_folder
    from abm.output.picture_files import check_places
    from abm.output.run_folder import FILES, write_run
    from abm.scenario.scenario import Scenario

    length = [] if steps is None else [f"steps={steps}"]
    check_places(plot or [], overwrite=overwrite, folder=out)
    loaded = Scenario.load(scenario).with_settings([*(settings or []), *length])
    with new_folder(out, kind="run", files=FILES, overwrite=overwrite) as folder:
        from rich.console import Console

        from abm.output import terminal as report
        from abm.simulation.firm_table import read_firm_table
        from abm.simulation.simulate import simulate
        from abm.simulation.warmup import compile_if_cold

        table = read_firm_table(firms, loaded) if firms else None
        compile_if_cold(_say)
        with report.progress(loaded.steps, loaded.name, Console(stderr=True)) as advance:
            reached = 0

            def progress(step: int) -> None:
                nonlocal reached
                if _told_to_end.is_set():  # an interruption inside a compiler's call-back is printed and forgotten
                    raise KeyboardInterrupt
                advance(step - reached)
                reached = step

            result = simulate(
                loaded,
                seed,
                firms=table,
                collect=level.value,
                every=every,
                panel=panel,
                threads=threads,
                progress=progress,
                follow=follow or (),
            )
        files = write_run(folder, result, picture=not no_picture)
    if plot:
        from abm.output.overview import overview
        from abm.output.picture_files import write_picture

        for path in plot:
            write_picture(overview(result), path)
    report.print_summary(result, [*(out / name for name in files), *(plot or [])], Console())


@app.command()
def rerun(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The directory of a run.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory to write.", show_default="FOLDER-again")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that DIR holds.")] = False,
    threads: Annotated[
        int | None, typer.Option(metavar="N", parser=whole(1, 1024), help="Changes only the speed.")
    ] = None,
    no_picture: Annotated[bool, typer.Option("--no-picture", help="Do not draw overview.png.")] = False,
) -> None:
    """Make a run again from what its directory keeps: the same tables, to the last bit."""
    from abm.simulation.rerun import read_start

    start = read_start(folder)
    for note in start.notes:
        print(f"abm: {note}", file=sys.stderr)
    run(
        str(start.scenario),
        out or folder.with_name(f"{folder.resolve().name}-again"),
        seed=start.seed,
        firms=start.firms,
        panel=start.panel,
        overwrite=overwrite,
        threads=threads,
        level=Level(start.level),
        every=start.every,
        no_picture=no_picture,
        follow=start.follow,
    )


@app.command()
def check(scenario: ScenarioName, settings: Settings = None, firms: Firms = None) -> None:
    """Validate a scenario, and a firm table, without running it."""
    from abm.scenario.scenario import Scenario

    loaded = Scenario.load(scenario).with_settings(settings or [])
    if firms:
        from abm.simulation.firm_table import read_firm_table, scenario_for

        table = read_firm_table(firms, loaded)
        loaded = scenario_for(loaded, table)
    parts = (
        (len(loaded.sectors), "sector", "sectors"),
        (len(loaded.strategies), "strategy", "strategies"),
        (loaded.initial_firms, "firm", "firms"),
        (loaded.capacity, "slot", "slots"),
        (loaded.steps, "step", "steps"),
    )
    texts = [f"{count} {one if count == 1 else many}" for count, one, many in parts]
    print(f"{loaded.name}: {', '.join(texts)}")
    if firms:
        from rich.console import Console

        from abm.output.terminal import print_starts
        from abm.simulation.firm_start import sector_starts

        print_starts(sector_starts(table, loaded), Console())


@app.command()
def equilibrium(
    scenario: ScenarioName,
    settings: Settings = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    plot: Plot = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a FILE that is there.")] = False,
    ceilings: Annotated[bool, typer.Option("--ceilings", help="Put the scenario's ceilings on the equations.")] = False,
) -> None:
    """Tell where the article's equations rest, what is stable, and above which T firms take off."""
    from abm.scenario.scenario import Scenario

    loaded = Scenario.load(scenario).with_settings(settings or [])
    if plot:
        from abm.output.picture_files import check_places, write_picture

        check_places(plot, overwrite=overwrite)
        from abm.equilibrium.figure import equilibrium_picture

        for path in plot:
            write_picture(equilibrium_picture(loaded, ceilings=ceilings), path)
    if as_json:
        import json

        from abm.equilibrium.equilibria import describe
        from abm.output.files import plain

        text = json.dumps(plain(describe(loaded, ceilings=ceilings)), indent=2, ensure_ascii=False, allow_nan=False)
        print(text)
        return
    from rich.console import Console

    from abm.equilibrium.text import print_equilibria

    print_equilibria(loaded, ceilings, Console())


@app.command()
def scenarios() -> None:
    """List the bundled scenarios."""
    from rich.console import Console

    from abm.output.terminal import scenario_table
    from abm.scenario.scenario import Scenario, describe

    scenario_table([(name, describe(name)) for name in Scenario.bundled()], Console())


@app.command()
def parameters(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
) -> None:
    """List every parameter with its range, default and meaning."""
    from abm.scenario import listing

    if markdown:
        print(listing.markdown(), end="")
        return
    from rich.console import Console

    from abm.output.terminal import parameter_table

    parameter_table(listing.listing_rows(), Console())


@app.command(name="compile")
def compile_ahead() -> None:
    """Compile ahead what every command needs, as on a cluster's login node; otherwise the first one does."""
    from abm.numerics.compilation import CACHE_FOLDER, is_cold
    from abm.simulation.warmup import NO_CACHE, compile_if_cold

    if CACHE_FOLDER is None:
        raise Stopped(NO_CACHE)
    compile_if_cold(_say)
    if is_cold():
        raise Stopped(f"the compiled code could not be kept in {CACHE_FOLDER}")
    print(f"compiled for this processor, kept in {CACHE_FOLDER}")


def _say(note: str) -> None:
    print(note, file=sys.stderr)


@app.command()
def outcomes(
    markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list.")] = False,
) -> None:
    """List every column of a run's steps and sectors, and every outcome, with its definition."""
    from abm.simulation import outcome_list

    if markdown:
        print(outcome_list.markdown(), end="")
        return
    if as_json:
        import json

        print(json.dumps(outcome_list.rows(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from abm.output.terminal import outcome_listing

    outcome_listing(outcome_list.rows(), Console())


@app.command()
def version() -> None:
    """Print the versions that a run's numbers can depend on."""
    from abm.output.files import versions

    for name, number in versions().items():
        print(name, number)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """In the block a signal to end raises KeyboardInterrupt, and a second one ends the process at once."""
    _told_to_end.clear()

    def stop(number: int, frame: FrameType | None) -> None:
        if _told_to_end.is_set():
            _quit()
        _told_to_end.set()
        raise KeyboardInterrupt

    names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows lacks the last
    earlier = {}
    if threading.current_thread() is threading.main_thread():  # Python lets no other thread set a handler
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup, or the background of a script
                earlier[number] = signal.signal(number, stop)
    try:
        yield
    except Exception:  # perhaps an interruption that a library has made an error of its own of
        if _told_to_end.is_set():
            raise KeyboardInterrupt from None
        raise
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _quit() -> NoReturn:
    from abm.output.new_folder import discard_unfinished

    discard_unfinished()
    os._exit(INTERRUPTED)


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
        with _interruptible(), _warnings_in_a_line():
            code = app(arguments, prog_name="abm", standalone_mode=False) or DONE
            sys.stdout.flush()
    except Stopped as problem:
        return _end(STOPPED, f"stopped: {problem}")
    except InputError as problem:
        return _end(REFUSED, f"error: {problem}")
    except _USAGE_ERROR as problem:
        command = problem.ctx.command_path if problem.ctx else "abm"
        return _end(REFUSED, f"error: {' '.join(problem.format_message().split())} (see {command} --help)")
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
