"""The manifest that runs a run plan on Kubernetes: an Indexed Job for each group of cells."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from harness.execution.scheduling.cluster import ClusterRun, comment, memory_line, shard_needs
from harness.execution.scheduling.groups import CellGroup

HOME_VOLUME, CACHE_VOLUME = "harness-home", "harness-cache"
DEFAULT_IMAGE = "harness:latest"
CACHE = "/var/cache/harness"  # the folder of a pod for the local copy of a home in a store
GPU = "nvidia.com/gpu"
GRACE = 120  # seconds for a pod that is to end
TRIES = 3  # again, of a shard whose pod failed
# comments on what has to be replaced or added
IMAGE = (
    "Your image, with harness, its plugins, their libraries, and the data or a volume for it. Its Python must be",
    "that of `harness plan`, or its cells are others. --image names it; harness:latest is only a default.",
)
CLAIM = (
    "Your claim, of a volume that many pods can write (ReadWriteMany). --claim names it; harness-home is only a",
    "default.",
)
DATA = (
    "  - name: HARNESS_DATA_DIR  # the folder of the data, unless the image sets it",
    "    value: /data",
)
CACHE_NOTE = ("The local copy of the home, in a volume that ends with the pod; what is stored stays in the store.",)
SERVICE_ACCOUNT = (
    "Credentials of the store: a service account that may use it,",
    "serviceAccountName: harness",
    "or the Secret below.",
)
CREDENTIALS = (
    "Credentials of the store: a Secret with variables that its library reads, such as AWS_ACCESS_KEY_ID,",
    "AWS_SECRET_ACCESS_KEY and, for a server other than that of AWS, AWS_ENDPOINT_URL.",
    "envFrom:",
    "  - secretRef:",
    "      name: harness-store",
)


def kubernetes_manifest(run: ClusterRun, image: str, claim: str) -> str:
    """The manifest, YAML; `claim` is the volume claim that has the home, unless that is in a store."""
    documents = ["\n".join(_document(run, group, image, claim)) for group in run.plan.groups]
    notes = "\n".join(comment("Indexed Jobs, one for each group of cells: kubectl apply -f FILE", *_notes(run)))
    return f"{notes}\n" + "".join(f"---\n{document}\n" for document in documents)


def _notes(run: ClusterRun) -> Iterator[str]:
    """What the image and the volume must have."""
    if run.files:
        names = ", ".join(run.files)
        yield (
            f"The boards {names} are files: the image must have them at these paths, from its working directory, with "
            "the files of data and the harness_plugin.py that belong to them."
        )
    if run.plugin_file is not None:
        yield f"The image must have the plugin file {run.plugin_file} at this path, with the modules that it imports."
    if run.is_stored and not run.is_in_store:
        yield (
            f"The volume of the home must have the run plan, {run.home}/plans/{run.plan.id}.json: plan in a pod that "
            "has the volume, or copy the file to it."
        )
    if run.separate_homes:
        yield f"When all Jobs have ended, merge the homes in a pod that has the volume: {run.merge_command}"


def _document(run: ClusterRun, group: CellGroup, image: str, claim: str) -> list[str]:
    """The lines of the Job of a group."""
    text = shard_needs(group, run.jobs).custom_text
    note = f"# each pod needs {json.dumps(text)}: add it to the resources of the container"
    lines = comment(memory_line(group, run.jobs))
    return [*lines, *([note] if text else []), *_yaml(_job(run, group, image, claim))]


def _job(run: ClusterRun, group: CellGroup, image: str, claim: str) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"harness-{run.plan.id}-{group.name}", "labels": {"app": "harness"}},
        "spec": {
            "completionMode": "Indexed",
            "completions": group.shards,
            "parallelism": group.shards,
            "backoffLimitPerIndex": TRIES,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "template": {"metadata": {"labels": {"app": "harness"}}, "spec": _pod(run, group, image, claim)},
        },
    }


def _pod(run: ClusterRun, group: CellGroup, image: str, claim: str) -> dict[str, Any]:
    needs = shard_needs(group, run.jobs)
    amounts = {"cpu": str(needs.cores), "memory": f"{math.ceil(needs.memory / 2**20)}Mi"}
    amounts |= {GPU: str(needs.gpus)} if needs.gpus else {}
    folder = CACHE if run.is_in_store else run.home
    volume: dict[str, Any] = {"name": CACHE_VOLUME, "emptyDir": {}}
    if not run.is_in_store:
        volume = {"name": HOME_VOLUME, "#": CLAIM, "persistentVolumeClaim": {"claimName": claim}}
    return {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        **({"#": SERVICE_ACCOUNT} if run.is_in_store else {}),
        "containers": [
            {
                "name": "harness",
                "#": IMAGE,
                "image": image,
                "command": ["/bin/sh", "-c", f"exec {run.shard_command(group, '$JOB_COMPLETION_INDEX')}"],
                **(_store_variables() if run.is_in_store else {"# env": ("env:", *DATA)}),
                "resources": {"requests": amounts, "limits": amounts},
                "volumeMounts": [{"name": volume["name"], "mountPath": folder}],
            }
        ],
        "volumes": [volume],
    }


def _store_variables() -> dict[str, Any]:
    """The variables of a container whose home is in a store."""
    return {
        "# cache": CACHE_NOTE,
        "env": [{"name": "HARNESS_CACHE_DIR", "value": CACHE}],
        "# env": DATA,
        "# credentials": CREDENTIALS,
    }


def _yaml(value: Any, indent: str = "") -> list[str]:
    """The lines of a value; texts are written as JSON, which YAML contains. Of a name with # the lines are comments."""
    lines = []
    pairs = value.items() if isinstance(value, Mapping) else [(None, item) for item in value]
    for name, item in pairs:
        mark = "-" if name is None else f"{name}:"
        if name is not None and name.startswith("#"):
            lines += [f"{indent}# {line}" for line in item]
        elif isinstance(item, Mapping | list) and item:
            inner = _yaml(item, indent + "  ")
            if name is None:
                lines += [f"{indent}- {inner[0].strip()}", *inner[1:]]
            else:
                lines += [f"{indent}{mark}", *inner]
        else:
            lines.append(f"{indent}{mark} {json.dumps(item)}")
    return lines
