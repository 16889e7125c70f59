"""The options of a batch system's jobs, which the commands, the executor and the scripts share."""

import math
import re
from dataclasses import dataclass

from abm.errors import InputError, one_line, shown


@dataclass(frozen=True, kw_only=True)
class JobOptions:
    """What a batch system is asked for, checked.

    Attributes
    ----------
    jobs : int
        Number of jobs; of an array, its tasks.
    cores, memory, walltime : int, str and str
        Of a job, as in `1`, `4GB` and `01:00:00`.
    queue, account : str or None
        Names that the batch system knows; a queue is a partition in Slurm.
    directive : tuple of str
        Further lines of directives, without what begins such a line.

    Raises
    ------
    InputError
        By option, value and what is allowed.

    Examples
    --------
    >>> options = JobOptions(jobs=2, memory="1.5GB", walltime="00:30:00")
    >>> options.megabytes, options.seconds
    (1536, 1800)
    >>> JobOptions(walltime="soon")
    Traceback (most recent call last):
    abm.errors.InputError: --walltime 'soon' is not a time as HH:MM:SS or D-HH:MM:SS
    """

    jobs: int = 1
    cores: int = 1
    memory: str = "2GB"
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    directive: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("jobs", "cores"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"--{name} {shown(value)} is not an integer of at least 1")
        megabytes(self.memory), seconds(self.walltime)
        for name in ("queue", "account"):
            given = getattr(self, name)
            one_line(f"--{name}", given)
            if given is not None and not re.fullmatch(r"[^\s'\"`$\\;&|<>]+", given):
                raise InputError(f"--{name} {shown(given)} has a blank or a sign of the shell, as no such name has")
        for line in self.directive:
            one_line("--directive", line)

    @property
    def megabytes(self) -> int:
        """Memory of a job in megabytes of 1024 kB."""
        return megabytes(self.memory)

    @property
    def seconds(self) -> int:
        """Walltime of a job in seconds."""
        return seconds(self.walltime)

    @property
    def clock(self) -> str:
        """Walltime of a job as HH:MM:SS.

        Examples
        --------
        >>> JobOptions(walltime="1-02:03:04").clock
        '26:03:04'
        """
        minutes, rest = divmod(self.seconds, 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{rest:02}"

    @property
    def hours_and_minutes(self) -> str:
        """Walltime of a job as HH:MM, rounded up.

        Examples
        --------
        >>> JobOptions(walltime="01:30:01").hours_and_minutes
        '01:31'
        """
        minutes = math.ceil(self.seconds / 60)
        return f"{minutes // 60:02}:{minutes % 60:02}"


def seconds(walltime: str, name: str = "--walltime") -> int:
    """Seconds of a Slurm time (minutes, MM:SS, HH:MM:SS or with days before a dash), a minute or more.

    Examples
    --------
    >>> seconds("01:30:00"), seconds("90"), seconds("1-00:00:00"), seconds("1-12"), seconds("02:30")
    (5400, 5400, 86400, 129600, 150)
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", walltime.strip(), re.ASCII)
    if not match:
        raise InputError(f"{name} {shown(walltime)} is not a time as HH:MM:SS or D-HH:MM:SS")
    days, first, second, third = (None if each is None else int(each) for each in match.groups())
    if days is not None:
        total = ((days * 24 + first) * 60 + (second or 0)) * 60 + (third or 0)
    elif third is not None:
        total = (first * 60 + second) * 60 + third
    else:
        total = first * 60 + (second or 0)
    if total < 60:
        raise InputError(f"{name} {shown(walltime)} is less than a minute, the least that a batch system takes")
    return total


def megabytes(memory: str) -> int:
    """Megabytes of a size such as `4GB` or `500M`, rounded up; each unit is 1024 of the one before, as in Slurm.

    Examples
    --------
    >>> megabytes("4GB"), megabytes("1.5 G"), megabytes("500MiB"), megabytes("100K")
    (4096, 1536, 500, 1)
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT])(?:i?B)?", memory.strip(), re.ASCII | re.IGNORECASE)
    size = float(match[1]) * 1024.0 ** "KMGT".index(match[2].upper()) / 1024.0 if match else 0.0
    if size <= 0.0:
        raise InputError(f"--memory {shown(memory)} is not a size as 500MB or 4GB")
    return math.ceil(size)
