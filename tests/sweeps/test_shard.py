"""Which part of a sweep's runs a process makes: by a number, or by that of a batch system's task."""

import re

import pytest

from abm.errors import InputError
from abm.sweeps.shard import Shard


def slurm(task: int, first: int, last: int, step: int = 1) -> dict[str, str]:
    names = ("ID", "MIN", "MAX", "STEP")
    return {f"SLURM_ARRAY_TASK_{name}": str(each) for name, each in zip(names, (task, first, last, step), strict=True)}


def sge(task: int, first: int, last: int, step: int = 1) -> dict[str, str]:
    names = ("ID", "FIRST", "LAST", "STEPSIZE")
    return {f"SGE_TASK_{name}": str(each) for name, each in zip(names, (task, first, last, step), strict=True)}


@pytest.mark.parametrize(
    ("environment", "number"),
    [
        (slurm(1, 1, 8), 1),
        (slurm(8, 1, 8), 8),
        (slurm(0, 0, 7), 1),
        (slurm(7, 0, 7), 8),
        (slurm(20, 10, 80, 10), 2),
        (sge(1, 1, 8), 1),
        (sge(17, 11, 25, 2), 4),
        ({"PBS_ARRAY_INDEX": "3"}, 3),
        ({"LSB_JOBINDEX": "8"}, 8),
        ({"OAR_ARRAY_INDEX": "1"}, 1),
        ({"JOB_COMPLETION_INDEX": "0"}, 1),
        ({"JOB_COMPLETION_INDEX": "7"}, 8),
        # In a job that is no array, some systems set their variable all the same.
        (slurm(4, 1, 8) | {"SGE_TASK_ID": "undefined", "LSB_JOBINDEX": "0", "PBS_ARRAY_INDEX": ""}, 4),
    ],
)
def test_a_task_of_each_system_makes_the_shard_of_its_place_in_the_array(environment, number):
    assert Shard.parse("auto/8", environment) == Shard(number, 8)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "but none is set; give --shard I/8"),
        ({"SGE_TASK_ID": "undefined"}, "but none is set"),
        (
            {"PBS_ARRAY_INDEX": "2", "JOB_COMPLETION_INDEX": "2"},
            "but PBS_ARRAY_INDEX=2 and JOB_COMPLETION_INDEX=2 are set; give --shard I/8",
        ),
        ({"PBS_ARRAY_INDEX": "0"}, "PBS_ARRAY_INDEX = '0' is not from 1 to 8"),
        ({"LSB_JOBINDEX": "9"}, "LSB_JOBINDEX = '9' is not from 1 to 8"),
        ({"JOB_COMPLETION_INDEX": "8"}, "JOB_COMPLETION_INDEX = '8' is not from 0 to 7"),
        ({"OAR_ARRAY_INDEX": "two"}, "OAR_ARRAY_INDEX = 'two' is not a number"),
        (slurm(3, 3, 7), "the array of SLURM_ARRAY_TASK_ID has 5 tasks, so they are not the shards"),
        ({"SLURM_ARRAY_TASK_ID": "3"}, "SLURM_ARRAY_TASK_MIN = '' is not a number"),
    ],
)
def test_a_task_whose_shard_is_not_known_is_refused_with_the_variables(environment, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Shard.parse("auto/8", environment)


@pytest.mark.parametrize("text", ["", "auto", "auto/", "auto/0", "auto/x", "Auto/8", "0/8", "9/8", "1/1000001", "٣/8"])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(InputError, match="is not of the form I/N with I from 1 to N, or auto/N"):
        Shard.parse(text, {"JOB_COMPLETION_INDEX": "0"})
