"""A shard: one of several equal parts of a sweep's runs, by its number or by that of a batch system's task."""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from abm.errors import InputError, shown

MOST = 1_000_000
# The variables with the number of an array's task. Slurm and Grid Engine also tell the array's first and last number
# and its step. PBS does not; LSF and OAR number from 1, Kubernetes from 0.
_SLURM, _PBS, _SGE = "SLURM_ARRAY_TASK_ID", "PBS_ARRAY_INDEX", "SGE_TASK_ID"
_LSF, _OAR, _KUBERNETES = "LSB_JOBINDEX", "OAR_ARRAY_INDEX", "JOB_COMPLETION_INDEX"
_FIRST = {_PBS: 1, _LSF: 1, _OAR: 1, _KUBERNETES: 0}
_RANGES = {
    _SLURM: ("SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP"),
    _SGE: ("SGE_TASK_FIRST", "SGE_TASK_LAST", "SGE_TASK_STEPSIZE"),
}
_VARIABLES = (_SLURM, _PBS, _SGE, _LSF, _OAR, _KUBERNETES)
_NO_ARRAY = {_SGE: "undefined", _LSF: "0"}  # what they are in a job that is no array


class Shard(NamedTuple):
    """One of `count` equal parts of a sweep's runs: those for which run number modulo `count` is `number` - 1."""

    number: int
    count: int

    @staticmethod
    def parse(text: str, environment: Mapping[str, str] = os.environ) -> "Shard":
        """A shard from `I/N`, or from `auto/N` and the variable by which a batch system numbers the tasks of an array.

        The first task of the array is shard 1, whatever number it has: Slurm and Grid Engine tell the array's first
        number, tasks are counted from 1 in PBS, LSF and OAR and from 0 in Kubernetes (`JOB_COMPLETION_INDEX`).

        Raises
        ------
        InputError
            If the text is neither; for `auto/N` also if no variable or more than one is set, or the array has not N
            tasks.

        Examples
        --------
        >>> Shard.parse("2/8")
        Shard(number=2, count=8)
        >>> Shard.parse("auto/8", {"JOB_COMPLETION_INDEX": "0"})
        Shard(number=1, count=8)
        """
        number, slash, count = text.partition("/")
        if slash and number == "auto" and _is_number(count) and 1 <= int(count) <= MOST:
            return Shard(_own_number(int(count), environment), int(count))
        if not (slash and _is_number(number) and _is_number(count) and 1 <= int(number) <= int(count) <= MOST):
            raise InputError(f"shard {shown(text)} is not of the form I/N with I from 1 to N, or auto/N")
        return Shard(int(number), int(count))

    def select(self, runs: np.ndarray) -> np.ndarray:
        """Those of some runs that belong to the shard, by their numbers.

        Examples
        --------
        >>> Shard(2, 8).select(np.arange(20))
        array([ 1,  9, 17])
        """
        return runs[runs % self.count == self.number - 1]


ALL_RUNS = Shard(1, 1)


def _own_number(count: int, environment: Mapping[str, str]) -> int:
    """Which of so many shards this process is to make."""
    asked = f"shard auto/{count}"
    given = {name: environment.get(name, "") for name in _VARIABLES}
    given = {name: text for name, text in given.items() if text not in ("", _NO_ARRAY.get(name))}
    if len(given) != 1:
        found = " and ".join(f"{name}={text}" for name, text in given.items())
        found = f"{found} are" if found else "none is"
        raise InputError(f"{asked} needs one of {', '.join(_VARIABLES)}, but {found} set; give --shard I/{count}")
    ((name, text),) = given.items()
    task = _integer(asked, name, text)
    if name in _RANGES:
        first, last, step = (_integer(asked, each, environment.get(each, "")) for each in _RANGES[name])
        tasks = (last - first) // max(step, 1) + 1
        if tasks != count:
            raise InputError(
                f"{asked}: the array of {name} has {tasks} tasks, so they are not the shards; give --shard I/{count}"
            )
        return (task - first) // max(step, 1) + 1
    number = task - _FIRST[name] + 1
    if not 1 <= number <= count:
        allowed = f"{_FIRST[name]} to {count - 1 + _FIRST[name]}"
        raise InputError(f"{asked}: {name} = {shown(text)} is not from {allowed}")
    return number


def _integer(asked: str, name: str, text: str) -> int:
    if not _is_number(text):
        raise InputError(f"{asked}: {name} = {shown(text)} is not a number")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10
