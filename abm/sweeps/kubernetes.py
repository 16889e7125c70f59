"""The manifest of an indexed job of Kubernetes, each index of which makes a shard of a sweep."""

import json
import re
from pathlib import PurePosixPath

from abm.errors import InputError, one_line, shown
from abm.sweeps.design.design import Design
from abm.sweeps.work.job_options import JobOptions

_RETRIES = 3  # of an index whose pod fails for a reason that another attempt may not meet
_NO_RETRY = [2, 3]  # exit codes of bad input and of failed runs, which would be the same again


def manifest(design: str, out: str, options: JobOptions, *, image: str, claim: str) -> str:
    """A manifest in JSON, for `kubectl apply --filename`.

    Parameters
    ----------
    design : str
        A bundled design's name, or its path in the container.
    out : str
        The sweep's folder in the container, where the claim is mounted.
    options : JobOptions
        Of a pod; `jobs` is the number of shards.
    image : str
        An image with abm.
    claim : str
        A PersistentVolumeClaim that all pods may write to.

    Raises
    ------
    InputError
        If an option is not one that a manifest can have.
    """
    for name, text in {"DESIGN": design, "--out": out, "--image": image, "--claim": claim}.items():
        one_line(name, text)
    for name in ("queue", "account", "directive"):
        if given := getattr(options, name):
            raise InputError(f"--{name} {shown(given)}: Kubernetes has none")
    if not image or re.search(r"\s", image):
        raise InputError(f"--image {shown(image)} is not the name of an image")
    if not re.fullmatch("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", claim):
        raise InputError(f"--claim {shown(claim)} is not a name of lower-case letters, digits, '-' and '.'")
    if not PurePosixPath(out).is_absolute():
        raise InputError(f"--out {shown(out)} is not an absolute path, as the mount in a container needs")
    if design not in Design.bundled() and not PurePosixPath(design).is_absolute():
        raise InputError(f"DESIGN {shown(design)} is neither a bundled design nor an absolute path in the container")
    command = ["python", "-m", "abm", "sweep", design, "--out", out, "--workers", str(options.cores)]
    memory = f"{options.megabytes}Mi"
    container = {
        "name": "shard",
        "image": image,
        "command": [*command, "--shard", f"auto/{options.jobs}"],
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
        "resources": {"requests": {"cpu": str(options.cores), "memory": memory}, "limits": {"memory": memory}},
        "volumeMounts": [{"name": "sweep", "mountPath": out}],
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "abm-sweep"},
        "spec": {
            "completionMode": "Indexed",
            "completions": options.jobs,
            "parallelism": options.jobs,
            "backoffLimitPerIndex": _RETRIES,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                    {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": _NO_RETRY}},
                ]
            },
            "template": {
                "spec": {
                    "restartPolicy": "Never",
                    "activeDeadlineSeconds": options.seconds,
                    "containers": [container],
                    "volumes": [{"name": "sweep", "persistentVolumeClaim": {"claimName": claim}}],
                }
            },
        },
    }
    return json.dumps(job, indent=2) + "\n"
