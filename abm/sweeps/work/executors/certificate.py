"""The certificate of a sweep, without which its scheduler, workers and client accept no connection.

It is made anew for each call. Whoever can connect to a Dask scheduler can run code in it, and every user of a machine
can connect to its ports, although not read its files.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from abm.errors import InputError

if TYPE_CHECKING:
    from distributed import Security

CERTIFICATE = "certificate.pem"  # the file with certificate and key, in the folder `working` of the sweep


def made_security() -> "Security":
    """A new certificate in memory."""
    from distributed import Security

    try:
        return Security.temporary()
    except ImportError:
        raise InputError("sweeps need the package cryptography: pip install cryptography") from None


@contextlib.contextmanager
def shared_security(folder: Path) -> "Iterator[Security]":
    """A new certificate in a file that only its owner can read, for workers elsewhere; removed after the block."""
    from distributed import Security

    made = made_security()
    path = folder.resolve() / CERTIFICATE
    path.unlink(missing_ok=True)  # the file of a call that was killed
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(made.tls_worker_cert + made.tls_worker_key)
    try:
        name = str(path)
        roles = ("tls_client_cert", "tls_scheduler_cert", "tls_worker_cert")
        yield Security(require_encryption=True, tls_ca_file=name, **dict.fromkeys(roles, name))
    finally:
        path.unlink(missing_ok=True)
