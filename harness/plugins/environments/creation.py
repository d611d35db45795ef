"""The creation of environments. One that fails or is interrupted leaves nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import BadInput
from harness.plugins.environments.descriptions import renew_description
from harness.plugins.environments.environment import (
    Environment,
    EnvironmentUnusable,
    environment_folder,
    find_environment,
    site_of,
)
from harness.plugins.environments.installers import install, make_venv, version_of
from harness.plugins.environments.links import REQUIREMENTS, link_harness
from harness.plugins.environments.lock import OWN, installed_folders, locked_in
from harness.plugins.forecaster_names import RECORD
from harness.plugins.plugin_file import checked_plugin_file

TORCH = re.compile(r"torch\b(?![-_.])")


@dataclass(frozen=True)
class EnvironmentRequest:
    """An environment as it is asked for."""

    name: str
    requirements: tuple[str, ...]  # of pip, or paths of packages; one of them may be a plugin file
    python: str | None = None  # a version or the path of an interpreter; None: the one of this process
    torch_index: str | None = None  # the URL of the index that torch is installed from

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the command that state it, beside the requirements."""
        given = (("--python", self.python), ("--torch-index", self.torch_index))
        return tuple(text for option, value in given if value is not None for text in (option, value))


def create_environment(
    home: Path, request: EnvironmentRequest, tell: Callable[[str], None] = lambda line: None
) -> tuple[Environment, dict[str, Any]]:
    """Make an environment, and have it describe its plugins; `tell` is called with what is being done.

    Raises BadInput if there is one of its name, or if it cannot be made.
    """
    folder = environment_folder(home, request.name)
    requirements, plugin_file = _read(request.requirements)
    with _alone(folder):
        if (folder / RECORD).exists():
            raise BadInput(
                f"environment {request.name!r} exists already; remove it by `harness env remove {request.name}`, or "
                "choose another name"
            )
        shutil.rmtree(folder, ignore_errors=True)  # what a process that was killed left
        try:
            environment = _make(folder, request, requirements, plugin_file, tell)
            tell("describing its plugins")
            description = _describe(environment)
            environment.write()  # last, since it makes the folder an environment
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return environment, description


def remove_environment(home: Path, name: str) -> None:
    """Remove an environment, also one that is damaged; results of its forecasters stay.

    Raises UnknownName if there is none of that name.
    """
    folder = environment_folder(home, name)
    if not folder.is_dir():
        find_environment(home, name)
    with _alone(folder):
        (folder / RECORD).unlink(missing_ok=True)  # first, so that it is never an environment in part
        shutil.rmtree(folder)


def _make(
    folder: Path,
    request: EnvironmentRequest,
    requirements: tuple[str, ...],
    plugin_file: str,
    tell: Callable[[str], None],
) -> Environment:
    """The environment, with everything installed."""
    venv = folder / "venv"
    tell(f"making a virtual environment in {venv}")
    make_venv(venv, request.python)
    interpreter = venv / "bin" / "python"
    python = version_of(interpreter)
    site = site_of(folder, python)
    link_harness(site)
    if request.torch_index is not None:
        torch = [requirement for requirement in requirements if TORCH.match(requirement)] or ["torch"]
        tell(f"installing {' '.join(torch)} from {request.torch_index}")
        install(interpreter, torch, index=request.torch_index)
        requirements = tuple(dict.fromkeys((*requirements, *torch)))  # so that what torch requires is installed, too
    tell(f"installing {' '.join(requirements) or 'what a worker needs'}; large libraries may take minutes")
    install(interpreter, requirements, (*REQUIREMENTS, f"{OWN}=={version(OWN)}"))
    return Environment(
        folder.name,
        str(folder),
        python,
        (*requirements, *([plugin_file] if plugin_file else [])),
        locked_in(site),
        installed_folders(site),
        plugin_file,
        request.options,
    )


def _describe(environment: Environment) -> dict[str, Any]:
    try:
        return renew_description(environment)
    except EnvironmentUnusable as error:
        raise BadInput(f"environment {environment.name!r} was not made: {error.problem}") from error


def _read(given: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """The requirements, with absolute paths, and the plugin file among them; raises BadInput."""
    files = [checked_plugin_file(Path(text)) for text in given if text.endswith(".py")]
    if len(files) > 1:
        raise BadInput(f"{files[0]} and {files[1]} are plugin files, of which an environment has one; make a package")
    others = [text for text in given if not text.endswith(".py")]
    for text in others:
        if text.startswith("-"):
            raise BadInput(f"{text!r} is no requirement; options of pip can be given by its environment variables")
    return tuple(_absolute(text) for text in others), str(files[0]) if files else ""


def _absolute(requirement: str) -> str:
    """A requirement, whose path is absolute if it is one of a file or a folder, with its extras."""
    path, bracket, extras = requirement.partition("[")
    is_path = path.endswith((".whl", ".gz", ".zip")) or "/" in path
    return f"{Path(path).resolve()}{bracket}{extras}" if is_path and Path(path).exists() else requirement


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """A block that one process executes for an environment at a time; raises BadInput while another one does."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.parent / f".{folder.name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInput(f"another process is making or removing environment {folder.name!r}; wait for its end") from None
    try:
        yield
    finally:
        lock.release()
