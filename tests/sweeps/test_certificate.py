"""Only its owner can connect to a running sweep, with every executor."""

import os
import stat

import pytest
from distributed import Security

from abm.cli import main
from abm.errors import InputError
from abm.sweeps.work.executors.certificate import CERTIFICATE, shared_security
from abm.sweeps.work.executors.existing import ExistingCluster
from tests.faults.commands import SLOW, run_sweep, sweep, tables, wait_for_parts
from tests.faults.strangers import listening, open_sockets, what_a_stranger_reaches

# Whoever is not root can run nothing as another user. Where CI is root, as in a container, this is tested.
OTHER_USER = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a certificate and its key."""
    made, path = Security.temporary(), tmp_path_factory.mktemp("keys") / "own.pem"
    path.write_text(made.tls_worker_cert + made.tls_worker_key)
    return path


@pytest.mark.slow
@OTHER_USER
@pytest.mark.parametrize("options", [("--workers", "2"), ("--workers", "1", "--shard", "1/2")], ids=["whole", "shard"])
def test_another_user_gets_in_nowhere_while_processes_of_this_machine_make_a_sweep(design, tmp_path, options):
    with sweep(design, tmp_path / "out", *options, faults=SLOW) as command:
        wait_for_parts(tmp_path / "out", 1)
        ports = listening(command.members())
        sockets = open_sockets(command.members())
        reached = what_a_stranger_reaches(ports)
    assert len(ports) >= 3  # of the scheduler, a nanny and a worker
    assert set(ports.values()) == {"127.0.0.1"}
    assert sockets == []
    assert reached == f"tried {len(ports)}\n"


@pytest.mark.slow
def test_a_stranger_gets_in_where_a_scheduler_is_open_which_is_said(design, tmp_path, dask):
    dask.start()
    assert f"in by {dask.address} " in what_a_stranger_reaches([int(dask.address.rpartition(":")[2])])
    with sweep(design, tmp_path / "out", "--scheduler", dask.address, "--patience", "1") as command:
        _, errors = command.process.communicate(timeout=180)
    assert errors.count(f"note: the scheduler {dask.address} is open: whoever reaches it can run code") == 1


@pytest.mark.slow
def test_a_scheduler_that_asks_for_certificates_is_used_with_them_and_refused_in_a_line_without(
    design, tmp_path, dask, certificate
):
    files = ("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", certificate)
    dask.start(options=files).add(1, options=files)
    assert dask.address.startswith("tls://")
    own = ("--tls-ca", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(certificate))
    code, _, errors = run_sweep(design, tmp_path / "out", "--scheduler", dask.address, *own)
    assert (code, errors) == (0, "")
    code, _, errors = run_sweep(design, tmp_path / "none", "--scheduler", dask.address)
    assert (code, errors) == (2, f"abm: error: --scheduler {dask.address} needs --tls-ca, --tls-cert and --tls-key\n")
    run_sweep(design, tmp_path / "local")
    assert tables(tmp_path / "out") == tables(tmp_path / "local")


def test_a_certificate_for_jobs_is_its_owners_alone_and_gone_after_the_sweep(tmp_path):
    (tmp_path / CERTIFICATE).write_text("left by a call that was killed")
    with shared_security(tmp_path) as security:
        path = tmp_path / CERTIFICATE
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert security.require_encryption
        for role in ("client", "scheduler", "worker"):
            assert security.get_connection_args(role)["ssl_context"] is not None
        first = path.read_bytes()
    assert list(tmp_path.iterdir()) == []
    with shared_security(tmp_path):
        assert path.read_bytes() != first


def test_a_certificate_is_not_written_through_a_link(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "folder" / CERTIFICATE).symlink_to(tmp_path / "mine")
    with shared_security(tmp_path / "folder"):
        pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_options_of_certificates_are_refused_where_they_protect_nothing(tmp_path, capsys, certificate):
    own = {"ca": certificate, "cert": certificate, "key": certificate}
    assert ExistingCluster("host:1", **own).address == "tls://host:1"
    with pytest.raises(
        InputError, match="--scheduler 'tcp://host:1': --tls-ca goes with an address as tls://HOST:PORT"
    ):
        ExistingCluster("tcp://host:1", **own)
    with pytest.raises(InputError, match="--tls-ca and --tls-key without --tls-cert: the three go together"):
        ExistingCluster("host:1", ca=certificate, key=certificate)
    with pytest.raises(InputError, match="no certificate and key in"):
        ExistingCluster("tls://127.0.0.1:1", ca=tmp_path / "a", cert=tmp_path / "b", key=tmp_path / "c").check()
    command = ["sweep", "network-effect", "--out", str(tmp_path / "out"), "--tls-cert", str(certificate)]
    assert main(command) == 2
    assert capsys.readouterr().err == "abm: error: --tls-cert is an option of --scheduler, which is missing\n"
