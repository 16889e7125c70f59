"""The executor for a Dask cluster that the user has started."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from abm.errors import InputError, shown
from abm.sweeps.work.executors import connected, quiet_dask

if TYPE_CHECKING:
    from distributed import Client, Security


@dataclass
class ExistingCluster:
    """The cluster of a scheduler with this address.

    Attributes
    ----------
    address : str
        As in `HOST:PORT`, `tcp://HOST:PORT` or `tls://HOST:PORT`.
    ca, cert, key : path, optional
        PEM files with the authority's certificate and with this client's own certificate and key; all or none of them.
        Without them Dask's own settings apply where the address begins with `tls://`.

    Raises
    ------
    InputError
        If files are missing, or given for an address without TLS.
    """

    address: str
    _: KW_ONLY
    ca: str | os.PathLike | None = None
    cert: str | os.PathLike | None = None
    key: str | os.PathLike | None = None
    _most_workers: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        files = {"--tls-ca": self.ca, "--tls-cert": self.cert, "--tls-key": self.key}
        given = [name for name, file in files.items() if file is not None]
        if given and "://" not in self.address:
            self.address = f"tls://{self.address}"
        if given and len(given) < len(files):
            lacking = ", ".join(name for name in files if name not in given)
            raise InputError(f"{' and '.join(given)} without {lacking}: the three go together")
        if given and self.is_open:
            raise InputError(f"--scheduler {shown(self.address)}: {given[0]} goes with an address as tls://HOST:PORT")

    @property
    def is_open(self) -> bool:
        """Whether the scheduler asks for no certificate, so that whoever can connect to it can use it."""
        return not self.address.startswith("tls://")

    def cores(self) -> int:
        """1, because the number is not known before the client connects."""
        return 1

    def expects_workers(self) -> bool:
        """False: the user may add workers to the cluster, but the sweep does not rely on it."""
        return False

    def missing_workers(self, workers: int) -> str:
        """How many workers are left of the most that there were."""
        self._most_workers = max(self._most_workers, workers)
        return f"{workers} of {self._most_workers} workers" if workers < self._most_workers or not workers else ""

    def check(self) -> None:
        """Connect once and raise InputError if a worker has other versions."""
        from abm.sweeps.work.driver import check_worker_versions
        from abm.sweeps.work.worker import own_versions

        with self._connected() as client:
            check_worker_versions(client, own_versions())

    @contextlib.contextmanager
    def client(self, folder: Path, note: Callable[[str], None]) -> "Iterator[Client]":
        """Connect for the time of the block."""
        if self.is_open:
            note(f"the scheduler {self.address} is open: whoever reaches it can run code as its owner and as you")
        with self._connected() as client:
            yield client

    @contextlib.contextmanager
    def _connected(self) -> "Iterator[Client]":
        _check_address(self.address)
        security = self._security()
        with quiet_dask(), contextlib.ExitStack() as stack:
            try:
                client = stack.enter_context(connected(self.address, timeout="10s", security=security))
            except (OSError, TimeoutError, ValueError) as problem:
                reason = str(problem).split("\n")[0]
                raise InputError(f"--scheduler {self.address}: no scheduler answers there: {reason}") from None
            yield client

    def _security(self) -> "Security | None":
        if self.is_open:
            return None
        from distributed import Security

        given = {"tls_ca_file": self.ca, "tls_client_cert": self.cert, "tls_client_key": self.key}
        security = Security(require_encryption=True, **{name: str(file) for name, file in given.items() if file})
        if not (security.tls_ca_file and security.tls_client_cert):
            raise InputError(f"--scheduler {self.address} needs --tls-ca, --tls-cert and --tls-key")
        try:
            security.get_connection_args("client")
        except OSError as problem:  # errors of SSL among them
            files = ", ".join(str(file) for file in (self.ca, self.cert, self.key))
            raise InputError(f"--scheduler {self.address}: no certificate and key in {files}: {problem}") from None
        return security


def _check_address(address: str) -> None:
    """Raise InputError for what is no address; a client that tried to connect to it could not be closed."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        host, _ = parse_host_port(place)
    except (ValueError, RuntimeError):
        host = ""
    if not host:
        raise InputError(
            f"--scheduler {shown(address)} is not an address as HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"
        )
