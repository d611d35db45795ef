"""The software of a run, as its provenance states it: environment, Python, and packages with their versions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.forecasters.described import normalised_name
from harness.plugins.environments.lock import OWN

if TYPE_CHECKING:
    from harness.evaluation.run import Run

HASH_DIGITS = 8  # of an environment that are shown
_DISTRIBUTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # at the beginning of a requirement


ALL_TASKS = "all tasks"


def software_by_text(runs: Sequence[tuple[str, Run]]) -> dict[str, list[str]]:
    """The software of runs as a text, and the tasks of each; "all tasks" where it is the same in all of them."""
    found: dict[str, list[str]] = {}
    for task, run in runs:
        found.setdefault(software_text(run.provenance), []).append(task)
    return {text: [ALL_TASKS] if len(found) == 1 else tasks for text, tasks in found.items() if text}


def software_text(provenance: Mapping[str, Any]) -> str:
    """Environment, Python, harness and packages of a run as one text; empty where the provenance states none."""
    texts = {
        "environment": environment_name(provenance),
        "Python": str(provenance.get("python") or ""),
        "harness": str(provenance.get("harness") or ""),
        **package_versions(provenance),
    }
    return ", ".join(f"{name} {text}" for name, text in texts.items() if text)


def environment_name(provenance: Mapping[str, Any]) -> str:
    """The name and the beginning of the hash of a run's environment; empty for the Python that runs harness."""
    environment = provenance.get("environment") or {}
    digest = environment.get("hash", "")[:HASH_DIGITS]
    return f"{environment['name']} ({digest})" if digest else environment.get("name", "")


def package_versions(provenance: Mapping[str, Any]) -> dict[str, str]:
    """The versions of the packages that matter to a run, by name.

    They are the package of its plugin, what its environment was made of, the libraries that its process had loaded,
    and those that its spec depends on.
    """
    plugin, environment = provenance.get("plugin") or {}, provenance.get("environment") or {}
    own, _, version = str(plugin.get("version") or "").partition(":")[0].partition("==")
    is_package = version[:1].isdigit() and normalised_name(own) != OWN
    matches = map(_DISTRIBUTION.match, environment.get("requirements", ()))
    asked = {normalised_name(match[0]) for match in matches if match}
    found = {
        **({own: version} if is_package else {}),
        **{name: each for name, each in all_versions(provenance).items() if normalised_name(name) in asked},
        **(provenance.get("libraries") or {}),
    }
    return {normalised_name(name): str(each) for name, each in found.items()}


def all_versions(provenance: Mapping[str, Any]) -> dict[str, str]:
    """The versions of all distributions of a run's environment, by name; empty for the Python that runs harness."""
    lock = (provenance.get("environment") or {}).get("lock", ())
    return {name: version for name, _, version in (each.partition("==") for each in lock)}
