"""Faults for tests of sweeps: with this folder on PYTHONPATH each process does as the variable FAULTS says, in JSON.

    settings   {"abm.sweeps.work.driver.PING": 0.2}   values of a module, or items of its dictionary
    versions   {"numpy": "1.0"}                 what a process says that its versions are
    runs       [{"does": "segfault", "where": {"churn": 0.3}, "seed": 5}]
               what befalls the runs of points with these values, all of them if no seed is named:
               slow (by "seconds"), wait ("while" there is a file), raise, segfault, kill, hang
    dies_at    "abm.sweeps.run.finish"          a function at whose call the process is killed

Nothing of it is in the package, whose modules are changed as they are imported.
"""

import ctypes
import importlib.abc
import importlib.machinery
import json
import os
import resource
import signal
import sys
import time

_FAULTS = json.loads(os.environ.get("FAULTS", "{}"))


def _befall(changes: dict, seeds: list) -> None:
    """Apply the faults that `FAULTS` has for the runs of a point."""
    for fault in _FAULTS.get("runs", ()):
        if any(changes[name] != value for name, value in fault.get("where", {}).items()):
            continue
        if "seed" in fault and fault["seed"] not in seeds:
            continue
        match fault["does"]:
            case "slow":
                time.sleep(fault["seconds"] * len(seeds))
            case "raise":
                raise ArithmeticError("a fault of this run")
            case "segfault":
                ctypes.string_at(0)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "wait":
                while os.path.exists(fault["while"]):
                    time.sleep(0.05)
            case "hang":
                while True:
                    time.sleep(1.0)


def _spoil_runs(module) -> None:
    make_run, make_batch, own_versions = module.make_run, module._make_batch, module.own_versions

    def faulty_run(job, changes, seed):
        _befall(changes, [seed])
        return make_run(job, changes, seed)

    def faulty_batch(job, piece):
        _befall(piece.changes, piece.seeds)
        return make_batch(job, piece)

    module.make_run, module._make_batch = faulty_run, faulty_batch
    module.own_versions = lambda: own_versions() | _FAULTS.get("versions", {})


def _die(*arguments, **options) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _change(module) -> None:
    """Change a module that was just imported as `FAULTS` says."""
    if module.__name__ == "abm.sweeps.work.worker":
        _spoil_runs(module)
    for name, value in _FAULTS.get("settings", {}).items():
        place, _, attribute = name.rpartition(".")
        if place == module.__name__:
            before = getattr(module, attribute)
            setattr(module, attribute, before | value if isinstance(before, dict) else value)
    place, _, function = _FAULTS.get("dies_at", "").rpartition(".")
    if place == module.__name__:
        setattr(module, function, _die)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if not name.startswith("abm.sweeps"):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec:
            execute = spec.loader.exec_module

            def execute_and_change(module) -> None:
                execute(module)
                _change(module)

            spec.loader.exec_module = execute_and_change
        return spec


if _FAULTS:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash that is meant leaves no file
    sys.meta_path.insert(0, _Finder())
