"""The commands that list what the package has: `abm scenarios`, `abm parameters`, `abm version`."""

from abm.output.options import Markdown


def scenarios() -> None:
    """List the bundled scenarios."""
    from rich.console import Console

    from abm.output.tables import scenario_table
    from abm.scenario.scenario import Scenario, describe

    scenario_table([(name, describe(name)) for name in Scenario.bundled()], Console())


def parameters(markdown: Markdown = False) -> None:
    """List every parameter with its range, default and meaning."""
    from abm.scenario import listing

    if markdown:
        print(listing.markdown(), end="")
        return
    from rich.console import Console

    from abm.output.tables import parameter_table

    parameter_table(listing.listing_rows(), Console())


def version() -> None:
    """Print the versions on which a run's numbers can depend."""
    from abm.output.files import versions

    for name, number in versions().items():
        print(name, number)
