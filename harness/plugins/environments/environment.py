"""Environment: a virtual environment in the home, with what was asked for and what was installed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.data.storage import read_checked_json, write_checked_json, write_text
from harness.errors import BadInput, HarnessError, InfrastructureFault, UnknownName
from harness.fields.dumping import dump
from harness.fields.reading import load
from harness.forecasters.described import normalised_name
from harness.plugins.environments.lock import Locked, installed_folders
from harness.plugins.forecaster_names import FOLDER, RECORD

LOCK = "lock.txt"  # in the folder of an environment
SCHEMA = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,49}")


@dataclass(frozen=True)
class Environment:
    """A virtual environment of plugins."""

    name: str
    folder: str  # absolute path
    python: str  # the version of its Python, as "3.11.7"
    requirements: tuple[str, ...]  # as they were given; the path of a plugin file is one of them
    locked: tuple[Locked, ...]  # the distributions that were installed
    installed: tuple[str, ...] = ()  # the names of the folders with their metadata
    plugin_file: str = ""  # the path of a plugin in a single file
    options: tuple[str, ...] = ()  # of the command that made it

    @cached_property
    def digest(self) -> str:
        """A hash of the version of its Python and of the versions of all distributions."""
        parts = [self.python, [[each.name, each.version, each.sha256] for each in self.locked]]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

    @property
    def interpreter(self) -> Path:
        """Its Python."""
        return Path(self.folder, "venv", "bin", "python")

    @property
    def site(self) -> Path:
        """The folder of its installed packages."""
        return site_of(Path(self.folder), self.python)

    @property
    def folders(self) -> list[Path]:
        """The folders that its processes import modules from: its own, that of its Python, and those of harness."""
        links = (entry.resolve() for entry in self.site.iterdir() if entry.is_symlink())
        paths = [Path(self.folder, "venv"), self.interpreter.resolve().parents[1], *links]
        return [
            path for path in (*paths, *([Path(self.plugin_file).parent] if self.plugin_file else [])) if path.exists()
        ]

    @property
    def versions(self) -> dict[str, str]:
        """The versions of its distributions, by name."""
        return {each.name: each.version for each in self.locked}

    def version_of(self, distribution: str) -> str:
        """The version of a distribution; "not installed" where there is none."""
        versions = {normalised_name(each.name): each.version for each in self.locked}
        return versions.get(normalised_name(distribution), "not installed")

    @property
    def again(self) -> str:
        """The commands that remove it and create it again."""
        import shlex

        return f"harness env remove {self.name} && " + shlex.join(
            ["harness", "env", "create", self.name, *self.requirements, *self.options]
        )

    @property
    def problem(self) -> str:
        """Why its forecasters cannot be run, as the end of a sentence; empty if nothing is known to be wrong."""
        if not self.interpreter.exists():
            return f"its Python {os.path.realpath(self.interpreter)} is gone"
        present = installed_folders(self.site)
        if present == self.installed:
            return ""
        added, lost = sorted({*present} - {*self.installed}), sorted({*self.installed} - {*present})
        changes = [
            *(f"{_readable(name)} was added" for name in added),
            *(f"{_readable(name)} is gone" for name in lost),
        ]
        return f"it was changed since it was made ({', '.join(changes)})"

    def unusable(self, problem: str) -> str:
        """The sentence that it cannot be used, and how to mend that."""
        return f"environment {self.name!r} cannot be used: {problem}; create it again by `{self.again}`"

    def to_provenance(self) -> dict[str, Any]:
        """What the provenance of a run states of it, of requirements that are paths their last part."""
        return {
            "name": self.name,
            "hash": self.digest,
            "python": self.python,
            "requirements": [os.path.basename(each) if os.path.isabs(each) else each for each in self.requirements],
            "lock": [f"{each.name}=={each.version}" for each in self.locked],
        }

    def write(self) -> None:
        """Store the record, which makes the folder an environment, and the lock as a file of requirements."""
        folder = Path(self.folder)
        write_text(folder / LOCK, "".join(f"{each}\n" for each in self.locked))
        fields = {"hash": self.digest, **dump(self)}
        del fields["name"], fields["folder"]  # where it is
        write_checked_json(folder / RECORD, fields, SCHEMA)


class EnvironmentUnusable(InfrastructureFault):
    """An environment cannot be used: `problem` is why, as the end of a sentence."""

    problem = ""

    def __init__(self, environment: Environment, problem: str) -> None:
        self.problem = problem
        super().__init__(environment.unusable(problem))


def site_of(folder: Path, python: str) -> Path:
    """The folder of installed packages of the environment in a folder, whose Python has this version."""
    return folder / "venv" / "lib" / f"python{'.'.join(python.split('.')[:2])}" / "site-packages"


def _readable(folder: str) -> str:
    """A name such as "numpy-2.0.0.dist-info" as "numpy 2.0.0"."""
    return " ".join(folder.rpartition(".")[0].split("-")[:2])


def checked_name(name: str) -> str:
    """The name of an environment; raises BadInput for one that cannot be that of a folder, or part of a name."""
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r:.80} cannot be the name of an environment; use up to 50 letters, digits, '.', '_' and '-'"
        )
    return name


def environment_folder(home: Path, name: str) -> Path:
    """Where the environment of that name is in a home."""
    return home.absolute() / FOLDER / checked_name(name)


def read_environment(folder: Path) -> Environment | None:
    """The environment in a folder; None if there is none.

    Raises DamagedFile, or LaterVersion for one that a later version of harness made.
    """
    fields = read_checked_json(folder / RECORD, SCHEMA)
    if fields is None:
        return None
    known: Mapping[str, Any] = {name: fields[name] for name in fields.keys() - {"hash", "schema"}}
    return load(Environment, {**known, "name": folder.name, "folder": str(folder)})


def environments_of(home: Path) -> Iterator[Environment | HarnessError]:
    """The environments of a home, sorted by name; in place of one that cannot be read, why."""
    try:
        names = sorted(entry.name for entry in os.scandir(home / FOLDER) if _NAME.fullmatch(entry.name))
    except OSError:  # there is none
        return
    for name in names:
        try:
            found = read_environment(environment_folder(home, name))
        except HarnessError as error:
            yield error
        else:
            if found is not None:
                yield found


def unfinished_in(home: Path) -> list[str]:
    """The names of environments that are being made, or whose making was killed."""
    try:
        names = sorted(entry.name for entry in os.scandir(home / FOLDER) if _NAME.fullmatch(entry.name))
    except OSError:  # there is none
        return []
    return [name for name in names if not (environment_folder(home, name) / RECORD).exists()]


def find_environment(home: Path, name: str) -> Environment:
    """The environment of that name; raises UnknownName."""
    found = read_environment(environment_folder(home, name))
    if found is None:
        known = [each.name for each in environments_of(home) if isinstance(each, Environment)]
        raise UnknownName("environment", name, known)
    return found
