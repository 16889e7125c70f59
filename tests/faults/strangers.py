"""What another user of the machine can reach of a running sweep: its ports and local sockets."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

NOBODY = 65534
# Tries each port as a client with no certificate, as one with a certificate of its own, and as a browser.
KNOCKS = """
import os, sys, urllib.error, urllib.request
from distributed import Client, Security
import distributed.comm.tcp, cryptography.x509, dask
uid, ports = int(sys.argv[1]), sys.argv[2:]
own = Security.temporary()
if uid:
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
dask.config.set({"distributed.comm.timeouts.connect": "3s"})
for port in ports:
    for address, security in ((f"tcp://127.0.0.1:{port}", None), (f"tls://127.0.0.1:{port}", own)):
        try:
            with Client(address, security=security, timeout="3s") as client:
                print("in by", address, client.run_on_scheduler(os.getuid))
        except (OSError, TimeoutError, ValueError, TypeError):
            pass
    for page in ("", "health", "status", "info/main/workers.html", "json/identity.json", "metrics", "statics/x"):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=3)
            print("read", port, page)
        except (urllib.error.URLError, OSError, ValueError):
            pass
        except Exception as problem:  # a port that speaks TLS is no web server
            if type(problem).__module__ != "http.client":
                raise
print("tried", len(ports))
"""


def listening(processes: Iterable[psutil.Process]) -> dict[int, str]:
    """The addresses, by their ports, on which processes listen."""
    own = {process.pid for process in processes}
    found = [each for each in psutil.net_connections("inet") if each.pid in own and each.status == psutil.CONN_LISTEN]
    return {each.laddr.port: each.laddr.ip for each in found}


def open_sockets(processes: Iterable[psutil.Process]) -> list[str]:
    """Named local sockets of processes that others than their owner can reach."""
    own = {process.pid for process in processes}
    names = {each.laddr for each in psutil.net_connections("unix") if each.pid in own and each.laddr}
    return [name for name in names if not Path(name).is_absolute() or Path(name).parent.stat().st_mode & 0o077]


def what_a_stranger_reaches(ports: Iterable[int]) -> str:
    """A line for each port or socket that another user can use; without any, the last line alone."""
    uid = NOBODY if os.getuid() == 0 else 0
    command = [sys.executable, "-c", KNOCKS, str(uid), *map(str, ports)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd="/")
    assert told.returncode == 0, told.stderr
    return told.stdout
