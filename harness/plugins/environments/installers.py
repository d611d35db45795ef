"""The programs that make a virtual environment and install into it: uv where it is installed, else venv and pip."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness.errors import BadInput
from harness.plugins.environments.child import MOST_LINE, OF_THIS_PROCESS

UNREACHABLE = re.compile(
    r"Failed to establish a new connection|Temporary failure in name resolution|Name or service not known|"
    r"Network is unreachable|Connection refused|ConnectTimeout|dns error|error sending request|Could not connect",
    re.IGNORECASE,
)
VERSION = re.compile(r"3(\.\d+){1,2}")
OLDEST = (3, 11)


class InstallerFailed(BadInput):
    """A program failed; `output` is all that it wrote."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def make_venv(folder: Path, python: str | None) -> None:
    """Make a virtual environment in a folder, with this Python, a version or the path of an interpreter.

    Without one it is that of this process. Raises BadInput.
    """
    if uv := shutil.which("uv"):
        found = _find(python) or python or ""  # uv may install one that is not found
        command = [uv, "venv", "--no-project", "--python", found, str(folder)]
    else:
        without = ["--without-pip"] if python is None and _has_pip() else []
        command = [_interpreter(python), "-m", "venv", *without, str(folder)]
    run(command, "no virtual environment can be made")


def version_of(interpreter: Path) -> str:
    """The version of a Python; raises BadInput if it is too old or does not start."""
    code = "import platform; print(platform.python_version())"
    found = run([str(interpreter), "-c", code], "its Python does not start").strip()
    if tuple(map(int, re.findall(r"\d+", found)[:2])) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise BadInput(f"Python {found} is too old for harness, which needs {oldest} or later; name one by --python")
    return found


def install(
    interpreter: Path, requirements: Sequence[str], constraints: Sequence[str] = (), index: str | None = None
) -> None:
    """Install requirements into the environment of an interpreter; from this index, without theirs, if one is named.

    Those in `constraints` that are installed keep their versions. Raises InstallerFailed.
    """
    options = [] if index is None else ["--index-url", index, "--no-deps"]
    if uv := shutil.which("uv"):
        command = [uv, "pip", "install", "--python", str(interpreter), *options]
    else:
        command = [*_pip(interpreter), "install", "--disable-pip-version-check", "--no-input", *options]
    run([*command, *requirements, *constraints], "cannot be installed")


def conflicts(interpreter: Path) -> str:
    """What installed distributions require and is not installed, as lines; empty if there is nothing."""
    if uv := shutil.which("uv"):
        command = [uv, "pip", "check", "--python", str(interpreter)]
    else:
        command = [*_pip(interpreter), "check", "--disable-pip-version-check"]
    try:
        run(command, "")
    except InstallerFailed as error:
        return error.output.strip() or str(error)
    return ""


def run(command: Sequence[str], what: str) -> str:
    """What a program writes; raises InstallerFailed with `what` and its reason. It is killed with what it started."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_variables(os.environ),
            start_new_session=True,  # Ctrl-C is handled by the parent alone
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise InstallerFailed(f"{what}: {command[0]} cannot be run ({error.strerror})", "") from error
    try:
        output, _ = process.communicate()
    except BaseException:
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    if process.returncode:
        raise InstallerFailed(f"{what}: {reason_of(output)}", output)
    return output


def reason_of(output: str) -> str:
    """Why pip or uv failed: what conflicts, or the last line that it wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if UNREACHABLE.search(output):
        return f"the package index cannot be reached ({_last(lines)})"
    if solution := re.search(r"No solution found.*?(?:╰─▶|cause:) (.+?)(?=\n\s*\n|\Z)", output, re.DOTALL):  # of uv
        return " ".join(solution[1].split())[: 2 * MOST_LINE]
    conflict = next((n for n, line in enumerate(lines) if "conflicting dependencies" in line), None)
    if conflict is not None:
        causes = [line for line in lines[conflict + 1 :] if re.match(r"(The user requested|\S+ \S+ depends on)", line)]
        first = lines[conflict].removeprefix("ERROR: ").rstrip(".")
        return f"{first}{': ' if causes else ''}{'; '.join(causes)}"[: 2 * MOST_LINE]
    return _last(lines)


def _last(lines: Sequence[str]) -> str:
    """The last line that states an error, or the last line."""
    errors = [line.partition(": ")[2] for line in lines if line.startswith(("ERROR: ", "cause: "))]
    return ([*lines[-1:], *errors] or ["it wrote nothing"])[-1][:MOST_LINE]


def _variables(present: Mapping[str, str]) -> dict[str, str]:
    """Environment variables that lead the programs to no packages of this process."""
    return {name: value for name, value in present.items() if name not in OF_THIS_PROCESS}


def _has_pip() -> bool:
    """Whether this interpreter has a pip that can install into others, which takes no time and no space there."""
    try:
        return tuple(map(int, re.findall(r"\d+", version("pip"))[:2])) >= (22, 3)
    except PackageNotFoundError:
        return False


def _pip(interpreter: Path) -> list[str]:
    """The beginning of a command of pip: that of the environment, or else the one of this interpreter."""
    if any(interpreter.parent.glob("pip*")):
        return [str(interpreter), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(interpreter)]


def _interpreter(python: str | None) -> str:
    """The interpreter of a version, or at a path; raises BadInput if there is none."""
    found = _find(python)
    if found is None:
        raise BadInput(
            f"no Python {python} is installed; name one that is by --python, as a version such as 3.12 or by its path"
        )
    return found


def _find(python: str | None) -> str | None:
    """The interpreter of a version on the path, or at a path; that of this process without one; None if not found."""
    if python is None:
        return sys.executable
    program = f"python{python}" if VERSION.fullmatch(python) else python
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [shutil.which(program, path=folder) for folder in dict.fromkeys(folders)]
    # a program of that name may be one that only looks for a Python
    return next((each for each in candidates if each and _starts(each)), None)


def _starts(interpreter: str) -> bool:
    """Whether a Python runs code."""
    try:
        run([interpreter, "-c", ""], "")
    except InstallerFailed:
        return False
    return True
