"""The manifest that runs a run plan on Kubernetes: an Indexed Job for each group of cells."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from harness.data.home_folders import is_url
from harness.execution.scheduling.cluster import ClusterRun, shard_needs
from harness.execution.scheduling.groups import CellGroup

HOME_VOLUME = "harness-home"
GPU = "nvidia.com/gpu"
GRACE = 120  # seconds for a pod that is to end
TRIES = 3  # again, of a shard whose pod failed


def kubernetes_manifest(run: ClusterRun, image: str, claim: str) -> str:
    """The manifest, YAML; `claim` is the volume claim that has the home, unless that is in a store."""
    documents = ["\n".join(_document(run, group, image, claim)) for group in run.plan.groups]
    return "# Indexed Jobs, one for each group of cells: kubectl apply -f FILE\n" + "".join(
        f"---\n{document}\n" for document in documents
    )


def _document(run: ClusterRun, group: CellGroup, image: str, claim: str) -> list[str]:
    """The lines of the Job of a group."""
    text = shard_needs(group, run.jobs).custom_text
    note = f"# each pod needs {json.dumps(text)}: add it to the resources of the container"
    return [*([note] if text else []), *_yaml(_job(run, group, image, claim))]


def _job(run: ClusterRun, group: CellGroup, image: str, claim: str) -> dict[str, Any]:
    needs = shard_needs(group, run.jobs)
    amounts = {"cpu": str(needs.cores), "memory": f"{math.ceil(needs.memory / 2**20)}Mi"}
    amounts |= {GPU: str(needs.gpus)} if needs.gpus else {}
    container = {
        "name": "harness",
        "image": image,
        "command": ["/bin/sh", "-c", f"exec {run.shard_command(group, '$JOB_COMPLETION_INDEX')}"],
        "resources": {"requests": amounts, "limits": amounts},
        "volumeMounts": [{"name": HOME_VOLUME, "mountPath": run.home}],
    }
    volumes = [{"name": HOME_VOLUME, "persistentVolumeClaim": {"claimName": claim}}]
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        "containers": [container],
        "volumes": volumes,
    }
    if is_url(run.home):
        del container["volumeMounts"], pod["volumes"]
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
            "template": {"metadata": {"labels": {"app": "harness"}}, "spec": pod},
        },
    }


def _yaml(value: Any, indent: str = "") -> list[str]:
    """The lines of a value; texts are written as JSON, which YAML contains."""
    lines = []
    pairs = value.items() if isinstance(value, Mapping) else [(None, item) for item in value]
    for name, item in pairs:
        mark = "-" if name is None else f"{name}:"
        if isinstance(item, Mapping | list):
            inner = _yaml(item, indent + "  ")
            if name is None:
                lines += [f"{indent}- {inner[0].strip()}", *inner[1:]]
            else:
                lines += [f"{indent}{mark}", *inner]
        else:
            lines.append(f"{indent}{mark} {json.dumps(item)}")
    return lines
