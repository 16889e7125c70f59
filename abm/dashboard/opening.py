"""What a page opens with, from the words of the command, which are those of `abm run`, or from a run's folder."""

import os
from collections.abc import Callable
from pathlib import Path

from abm.dashboard.origins import Opening, Origin
from abm.errors import InputError
from abm.output.run_folder import ABOUT
from abm.scenario.scenario import Scenario
from abm.simulation.firm_file import is_run
from abm.simulation.firm_table import read_firm_cells, scenario_for
from abm.simulation.market import check_memory
from abm.simulation.rerun import read_start


def read_opening(
    name: str, settings: list[str], firms: Path | None, seed: int | None, say: Callable[[str], None]
) -> Opening:
    """What a page opens with; the run of a folder is made again up to its last step.

    Parameters
    ----------
    name : str
        A bundled scenario, the path of a TOML file, or the folder of a run.
    settings : list of str
        As `--set` takes them.
    firms : Path, optional
        A firm table.
    seed : int, optional
        0 by default, of a folder that of its run.
    say : callable
        Called with what a user should know of a folder.

    Raises
    ------
    InputError
        If one of them is not allowed, or the folder holds rules of the user's own: they are not run from there.

    Examples
    --------
    >>> opening = read_opening("one-market", ["churn=0.4"], None, 7, print)
    >>> opening.origin.name, opening.settings, opening.seed, opening.step
    ('one-market', ('churn=0.4',), 7, 0)
    """
    step = 0
    if name not in Scenario.bundled() and os.path.isdir(name):
        if not is_run(name):
            raise InputError(f"{name}: a folder without {ABOUT}; allowed is a scenario, or the folder of one run")
        start = read_start(Path(name))
        for note in start.notes:
            say(note)
        name, firms, seed = str(start.scenario), firms or start.firms, start.seed if seed is None else seed
        step = Scenario.load(name).steps
    origin = Origin(name, Scenario.load(name), None if firms is None else read_firm_cells(firms), str(firms or ""))
    scenario = origin.scenario.with_settings(settings)
    table = origin.table(scenario)
    check_memory(scenario if table is None else scenario_for(scenario, table), 0)
    return Opening(origin, tuple(settings), seed or 0, min(step, scenario.steps))
