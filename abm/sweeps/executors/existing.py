"""A Dask cluster that somebody else has started."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.errors import InputError
from abm.sweeps.executors import quiet

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class ExistingCluster:
    """The cluster of a scheduler whose address is known."""

    address: str
    waits = False

    def cores(self) -> int:
        """Unknown before it is asked: one at least."""
        return 1

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Connect for the time of the block."""
        from distributed import Client

        with quiet():
            try:
                client = Client(self.address, timeout="10s", set_as_default=False)
            except (OSError, TimeoutError, ValueError) as problem:
                reason = str(problem).split("\n")[0]
                raise InputError(f"--scheduler {self.address}: no scheduler answers there: {reason}") from None
            try:
                yield client
            finally:
                with contextlib.suppress(TimeoutError, OSError):  # it is lost or frozen
                    client.close(timeout=5)
