"""A Dask cluster that somebody else has started."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.errors import InputError, shown
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

    def check(self) -> None:
        """Connect once, and refuse workers with other versions."""
        from abm.sweeps.drive import refuse_unlike_workers
        from abm.sweeps.work import own_versions

        with self.client() as client:
            refuse_unlike_workers(client, own_versions())

    @contextlib.contextmanager
    def client(self) -> "Iterator[Client]":
        """Connect for the time of the block."""
        from distributed import Client

        _check_address(self.address)
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


def _check_address(address: str) -> None:
    """Refuse what is no address here, for a client that has begun to connect to it would linger."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        host, _ = parse_host_port(place)
    except (ValueError, RuntimeError):
        host = ""
    if not host:
        raise InputError(f"--scheduler {shown(address)} is not an address as HOST:PORT or tcp://HOST:PORT")
