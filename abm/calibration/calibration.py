"""A calibration from its specification to its files."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from abm.calibration.files import LIBRARIES, files_of, read_files
from abm.calibration.folder import CalibrationFolder, token_of
from abm.calibration.inference import infer
from abm.calibration.results import Calibration
from abm.calibration.search import Problem, Searcher, UnmeetableTargets
from abm.calibration.specification import Specification
from abm.calibration.tables import calibration_of
from abm.errors import need_packages
from abm.scenario.rules import rules_of
from abm.simulation.simulate import check_count
from abm.sweeps.design.functions import compile_functions
from abm.sweeps.design.sections import within
from abm.sweeps.design.settings import Replications
from abm.sweeps.progress import Progress
from abm.sweeps.work.executors import Executor
from abm.sweeps.work.executors.local import LocalProcesses

_FRESH = 2**62  # added to the seed for the seeds of the judgement


def calibrate(
    specification: str | os.PathLike | Specification,
    out: str | os.PathLike | None = None,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    overwrite: bool = False,
    patience: float = 600.0,
    watch: Callable[[Progress], None] | None = None,
) -> Calibration:
    """Estimate parameters from given figures, with standard errors, and list those that the figures do not identify.

    Parameters
    ----------
    specification : bare name, path or Specification
    out : path, optional
        Directory to write. The same call goes on after an interruption, and reads what is finished. By default
        nothing is kept.
    workers : int, optional
        Processes on this machine; all its cores by default.
    executor : Executor, optional
        Makes the runs elsewhere; one of `abm.sweeps.work.executors`.
    overwrite : bool
        Replace a calibration that is in the directory.
    patience : float
        Seconds to wait while there is no worker.
    watch : callable, optional
        Called now and then with the `Progress`.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If the specification or the directory is refused, or no point has all targets.
    Stopped
        If the scheduler or all workers are lost; what is finished is kept.

    Examples
    --------
    >>> found = calibrate("concentration")  # doctest: +SKIP
    >>> found.estimates[["parameter", "estimate", "standard_error"]]  # doctest: +SKIP
    """
    if workers is not None:
        check_count(workers, "workers", 1)
    need_packages(LIBRARIES, "a calibration", "calibration")
    spec = specification if isinstance(specification, Specification) else Specification.load(specification)
    with within(f"{spec.source}:"):
        compile_functions(rules_of(spec.scenario), spec.measures)
    executor = executor or (LocalProcesses(workers) if workers else LocalProcesses())
    with contextlib.ExitStack() as stack:
        if out is None:
            out = Path(stack.enter_context(tempfile.TemporaryDirectory()), "calibration")
        place = CalibrationFolder(out)
        if place.check(spec, overwrite=overwrite):
            return read_files(place.folder, place.about())
        executor.check()
        return _made(spec, place, executor, overwrite, patience, watch or (lambda progress: None))


def problem_of(spec: Specification) -> Problem:
    """What is searched, as arrays."""
    steps = [
        1.0 / (factor.high - factor.low) if factor.parameter.kind == "int" else 0.0
        for factor in spec.parameters.values()
    ]
    return Problem(
        tuple(spec.parameters),
        tuple(each.name for each in spec.targets),
        np.array([each.value for each in spec.targets]),
        np.array([each.error for each in spec.targets]),
        np.array([each.of_data for each in spec.targets]),
        np.array(steps),
        spec.search.seeds,
        spec.search.budget,
        spec.search.seed,
        spec.search.weighting == "optimal",
    )


def replications_of(spec: Specification, problem: Problem, *, fresh: bool) -> Replications:
    """The seeds of the search, or those of the judgement, of which none is of the search."""
    if fresh:
        return Replications(count=problem.fresh, seed=(spec.search.seed + _FRESH) % 2**63)
    return Replications(count=problem.seeds, seed=spec.search.seed)


def _made(
    spec: Specification,
    place: CalibrationFolder,
    executor: Executor,
    overwrite: bool,
    patience: float,
    watch: Callable[[Progress], None],
) -> Calibration:
    from abm.calibration.runs import Setting, open_runs
    from abm.simulation.warmup import compile_if_cold

    problem, progress = problem_of(spec), Progress()
    judged = problem.fresh * (1 + 2 * len(spec.parameters))
    progress.total = problem.budget * problem.seeds + judged

    def say(text: str) -> None:
        progress.notes.append(text)
        watch(progress)

    with place.at_work(spec, progress.report, overwrite=overwrite) as check:
        compile_if_cold(say)
        progress.start()
        token = token_of(spec)
        setting = Setting(executor, progress, watch, check, patience)
        with open_runs(spec, place.working, token, setting) as runs:

            def evaluate(unit: np.ndarray, *, fresh: bool) -> np.ndarray:
                if fresh:  # a search that ends before its budget is used up
                    progress.total = progress.done + progress.failed + judged
                return runs.values(unit, replications_of(spec, problem, fresh=fresh))

            searcher = Searcher(problem, evaluate)
            try:
                found = searcher.run()
            except UnmeetableTargets as reason:
                raise UnmeetableTargets(f"{reason}{runs.first_error()}") from None
            outcomes = runs.table()
        calibration = calibration_of(spec, searcher, found, infer(searcher, found), outcomes)
        place.write(files_of(calibration, spec), check)
    return calibration
