"""Loads the results of a sweep that is finished or, if asked, of one that is not."""

import os

from abm.errors import InputError
from abm.sweeps.partial import load_partial
from abm.sweeps.store.folder import SweepFolder
from abm.sweeps.sweep_results import SweepResults


def load_sweep(folder: str | os.PathLike, *, partial: bool = False) -> SweepResults:
    """The results of a sweep.

    Parameters
    ----------
    folder : path
        The sweep's folder.
    partial : bool
        Read an unfinished sweep, too, also while it runs: the runs that are there at this moment. `coverage` of the
        result says how many they are, and `complete_replications` leaves out those that some point lacks.

    Returns
    -------
    SweepResults
        Its tables are read from the folder when they are first used.

    Raises
    ------
    InputError
        If the folder holds no finished sweep (with `partial`: no run), or a file of it is damaged, by its name.

    Examples
    --------
    >>> import tempfile
    >>> from abm.sweeps import Design, load_sweep, sweep
    >>> text = 'scenario = "one-market"\\n[set]\\nsteps = 5\\ncapacity = 20\\n[factors]\\nchurn = [0.1, 0.9]'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = sweep(Design.from_toml(text), folder, workers=1)
    ...     load_sweep(folder).outcomes[["point", "replication", "churn"]].iloc[-1].tolist()
    [1.0, 9.0, 0.9]
    """
    store = SweepFolder(folder)
    manifest = store.manifest()
    if partial and store.is_under_way():
        return load_partial(store)
    summary = store.summary()
    if summary is None or store.is_under_way():
        raise InputError(
            f"{folder}: the sweep is not finished; run its command again, or abm sweep finish {folder}; abm "
            "compare and abm analyse read the runs that are there with --partial, load_sweep with partial=True"
        )
    results = SweepResults(store.folder, manifest, summary)
    for name in summary.get("files", {}):
        if name.removesuffix(".parquet") not in summary["tables"]:  # these are checked when they are read
            results.check(name)
    return results
