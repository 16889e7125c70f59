"""The commands that make, repeat and check a run, list its outcomes and compile the kernels.

Commands import what they need themselves, so that help and refusals do not wait for the numerical libraries.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from abm.errors import InputError, Stopped
from abm.output.interruption import check_interruption
from abm.output.options import Firms, Markdown, Plot, ScenarioName, Settings, Threads, whole

_MOST = 10_000_000  # steps that a run can have
NoPicture = Annotated[bool, typer.Option("--no-picture", help="Do not draw overview.png.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a run that DIR holds.")]


class Level(StrEnum):
    """How much is collected at each step."""

    light = "light"
    full = "full"


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
    overwrite: Overwrite = False,
    threads: Threads = None,
    level: Annotated[Level, typer.Option(help="light leaves out Gini and quantiles.")] = Level.full,
    every: Annotated[
        int, typer.Option(metavar="N", parser=whole(0, _MOST), help="Keep each Nth step's row; 0: none.")
    ] = 1,
    no_picture: NoPicture = False,
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
        compile_if_cold(_say, many=False)
        with report.progress(loaded.steps, loaded.name, Console(stderr=True)) as advance:
            reached = 0

            def progress(step: int) -> None:
                nonlocal reached
                check_interruption()
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


def rerun(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The directory of a run.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Directory to write.", show_default="FOLDER-again")
    ] = None,
    overwrite: Overwrite = False,
    threads: Threads = None,
    no_picture: NoPicture = False,
) -> None:
    """Make a run again from its directory, to the last bit."""
    from abm.simulation.rerun import read_start

    start = read_start(folder)
    for note in start.notes:
        _say(f"abm: {note}")
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


def check(scenario: ScenarioName, settings: Settings = None, firms: Firms = None) -> None:
    """Validate a scenario and a firm table without running it."""
    from abm.scenario.rules import rules_of
    from abm.scenario.scenario import Scenario

    loaded = Scenario.load(scenario).with_settings(settings or [])
    if firms:
        from abm.simulation.firm_table import read_firm_table, scenario_for

        table = read_firm_table(firms, loaded)
        loaded = scenario_for(loaded, table)
    if rules_of(loaded):
        from abm.market.rules import rule_addresses

        rule_addresses(loaded)  # compiles them
    parts = (
        (len(loaded.sectors), "sector", "sectors"),
        (len(loaded.strategies), "strategy", "strategies"),
        (loaded.initial_firms, "firm", "firms"),
        (loaded.capacity, "slot", "slots"),
        (loaded.steps, "step", "steps"),
        *([(len(loaded.changes), "change on the way", "changes on the way")] if loaded.changes else []),
    )
    texts = [f"{count} {one if count == 1 else many}" for count, one, many in parts]
    print(f"{loaded.name}: {', '.join(texts)}")
    if firms:
        from rich.console import Console

        from abm.output.terminal import print_starts
        from abm.simulation.firm_start import sector_starts

        print_starts(sector_starts(table, loaded), Console())


def outcomes(
    markdown: Markdown = False,
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list.")] = False,
) -> None:
    """List every column and outcome of a run with its definition."""
    from abm.simulation import outcome_list

    if markdown:
        print(outcome_list.markdown(), end="")
        return
    if as_json:
        import json

        print(json.dumps(outcome_list.rows(), indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    from abm.output.tables import outcome_listing

    outcome_listing(outcome_list.rows(), Console())


def compile_ahead(
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Directory for the compiled code; processes with NUMBA_CACHE_DIR=DIR use it."),
    ] = None,
) -> int | None:
    """Compile the kernels now, for all later commands.

    Otherwise the first command that needs them compiles them, for example on each node of a cluster.
    """
    if into is not None:
        return _compile_into(into)
    from abm.numerics.compilation import CACHE_FOLDER, is_cold
    from abm.simulation.warmup import NO_CACHE, compile_if_cold

    if CACHE_FOLDER is None:
        raise Stopped(NO_CACHE)
    compile_if_cold(_say)
    if is_cold():
        raise Stopped(f"the compiled code could not be kept in {CACHE_FOLDER}")
    print(f"compiled for this processor, kept in {CACHE_FOLDER}")
    return None


def _compile_into(folder: Path) -> int:
    """Compile in a process of its own, because numba reads the place of its cache when it is imported."""
    import os
    import subprocess

    if "\0" in str(folder):
        raise InputError("--into: a directory's name cannot have a null character")
    folder = Path(os.path.abspath(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(f"--into {folder}: cannot be made: {problem.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise InputError(f"--into {folder}: cannot be written")
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    made = subprocess.run([sys.executable, "-m", "abm", "compile"], env=environment, check=False)
    if made.returncode == 0:
        print(f"set NUMBA_CACHE_DIR={folder} in every job")
    return made.returncode


def _say(note: str) -> None:
    print(note, file=sys.stderr)
