"""The software of a board's runs, and the commands that make their environments again, as Markdown lines."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.report.text import visible
from harness.results.software import environment_name, package_versions

if TYPE_CHECKING:
    from harness.evaluation.run import Run

WIDTH = 100  # characters of a line of commands
Versions = Mapping[str, Sequence[str]]  # by package; several where runs differ


def software_lines(runs: Sequence[Run]) -> Iterator[str]:
    """Python and packages of runs; by environment, and by forecaster, where they differ."""
    texts: dict[str, list[str]] = {}  # forecasters by text
    places: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        place = environment_name(run.provenance), str(run.provenance.get("python") or "")
        places.setdefault(place, []).append(run)
    for place, group in places.items():
        together = _versions(group)
        by_forecaster: dict[str, list[Run]] = {}
        for run in group:
            by_forecaster.setdefault(run.cell.forecaster, []).append(run)
        differ = any(len(versions) > 1 for versions in together.values())
        for forecaster, own in by_forecaster.items():
            text = _text(place, _versions(own) if differ else together)
            if text:
                texts.setdefault(text, []).append(forecaster)
    if len(texts) == 1:
        yield from texts
        return
    for text, forecasters in texts.items():
        yield f"{', '.join(forecasters)}: {text}"


def create_commands(runs: Sequence[Run]) -> list[str]:
    """The commands that make the environments of runs again, with the versions that were installed."""
    found = [run.provenance["environment"] for run in runs if run.provenance.get("environment")]
    return [_create_command(each) for each in {each["name"]: each for each in found}.values()]


def _create_command(environment: Mapping[str, Any]) -> str:
    python = ".".join(environment["python"].split(".")[:2])
    files = [f"./{each}" for each in environment["requirements"] if each.endswith(".py")]
    words = ["harness", "env", "create", environment["name"], "--python", python, *environment.get("options", ())]
    words += [*environment["lock"], *files]
    quoted = [shlex.quote(visible(word)) for word in words]
    lines = textwrap.wrap(" ".join(quoted), WIDTH, break_long_words=False, break_on_hyphens=False)
    return " \\\n  ".join(lines)


def _versions(runs: Sequence[Run]) -> Versions:
    found: dict[str, list[str]] = {}
    for run in runs:
        for name, version in package_versions(run.provenance).items():
            if version not in found.setdefault(name, []):
                found[name].append(version)
    return found


def _text(place: tuple[str, str], versions: Versions) -> str:
    environment, python = place
    parts = [f"environment {environment}" if environment else "", f"Python {python}" if python else ""]
    parts += [f"{name} {' and '.join(each)}" for name, each in sorted(versions.items())]
    return ", ".join(filter(None, parts))
