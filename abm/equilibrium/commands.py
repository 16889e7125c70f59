"""The command `abm equilibrium`."""

from typing import Annotated

import typer

from abm.output.options import Plot, ScenarioName, Settings


def equilibrium(
    scenario: ScenarioName,
    settings: Settings = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    plot: Plot = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a FILE that is there.")] = False,
    ceilings: Annotated[
        bool, typer.Option("--ceilings", help="Include the scenario's ceilings in the equations.")
    ] = False,
) -> None:
    """Equilibria of the article's equations and their stability.

    Also the loop gain, and the take-off threshold: the T above which firms grow.
    """
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
