"""Packages for environments, made without a network: wheels of what is installed here, and of small plugins.

And the folder in which commands run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import sys_tags

PLUGIN = '''"""A forecaster that repeats the last value, plus a constant."""

from dataclasses import dataclass

import numpy as np

from harness import ForecasterSpec, LocalForecaster, hookimpl

SHIFT = {shift}


@dataclass
class Shifted(LocalForecaster):
    """The last value plus SHIFT times `factor`."""

    factor: float = 1.0

    def predict_series(self, context):
        return context.target[-1] + np.full((context.horizon, 1), SHIFT * self.factor)


@hookimpl
def harness_forecasters():
    spec = ForecasterSpec("{name}", "{package}:Shifted", "the last value, shifted", missing="ffill", depends=("numpy",))
    return [spec]
'''


def plugin_module(shift: float, name: str = "shifted", package: str = "shifting") -> str:
    """The source of a plugin with one forecaster."""
    return PLUGIN.format(shift=shift, name=name, package=package)


def plugin_wheel(
    folder: Path, version: str, module: str, *, package: str = "shifting", point: str = "", requires: str = "numpy"
) -> None:
    """Write the wheel of a plugin with one module, its distribution and its entry point of the same name."""
    information = f"{package}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {package}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in ("forecast-harness", requires)]
    files = {
        f"{package}.py": module,
        f"{information}/METADATA": "\n".join(lines) + "\n",
        f"{information}/entry_points.txt": f"[harness]\n{point or package} = {package}\n",
    }
    with zipfile.ZipFile(folder / f"{package}-{version}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
        _write_information(wheel, information, "py3-none-any", list(files))


def own_wheels(folder: Path, *names: str) -> None:
    """Write wheels of installed distributions and of all that they require, of the files that are installed."""
    pending, done = list(names), set[str]()
    while pending:
        name = pending.pop()
        if name not in done:
            done.add(name)
            try:
                package = distribution(name)
            except PackageNotFoundError:
                continue
            _write_own(folder, package)
            requirements = map(Requirement, package.requires or ())
            pending += [
                each.name for each in requirements if each.marker is None or each.marker.evaluate({"extra": ""})
            ]


def hidden(*packages: str) -> dict[str, str]:
    """The environment variables of a process that finds no packages of these names."""
    return {"HIDDEN_PACKAGES": " ".join(packages), "PYTHONPATH": str(Path(__file__).parents[1] / "hidden")}


def _write_own(folder: Path, package: Distribution) -> None:
    tag, name = str(next(iter(sys_tags()))), package.metadata["Name"].replace("-", "_")
    information = f"{name}-{package.version}.dist-info"
    names = []
    with zipfile.ZipFile(folder / f"{name}-{package.version}-{tag}.whl", "w", zipfile.ZIP_STORED) as wheel:
        for file in package.files or ():
            is_information = file.parts[0].endswith(".dist-info")
            if file.suffix == ".pyc" or file.parts[0] == ".." or "tests" in file.parts:
                continue
            if is_information and file.name != "METADATA":
                continue
            names.append(f"{information}/METADATA" if is_information else file.as_posix())
            wheel.write(Path(str(file.locate())), names[-1])
        _write_information(wheel, information, tag, names)


def _write_information(wheel: zipfile.ZipFile, information: str, tag: str, names: list[str]) -> None:
    pure = "true" if tag.endswith("none-any") else "false"
    wheel.writestr(f"{information}/WHEEL", f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: {pure}\nTag: {tag}\n")
    listed = [*names, f"{information}/WHEEL", f"{information}/RECORD"]
    wheel.writestr(f"{information}/RECORD", "".join(f"{name},,\n" for name in listed))


def copy_environment(source: Path, copy: Path) -> None:
    """Copy an environment, whose packages are links in the copy."""
    (copy / "venv" / "bin").mkdir(parents=True)
    for name in ("environment.json", "plugins.json", "lock.txt", "venv/pyvenv.cfg"):
        (copy / name).write_bytes((source / name).read_bytes())
    (copy / "venv" / "bin" / "python").symlink_to((source / "venv" / "bin" / "python").resolve())
    (site,) = source.glob("venv/lib/*/site-packages")
    own = copy / site.relative_to(source)
    own.mkdir(parents=True)
    for entry in site.iterdir():
        (own / entry.name).symlink_to(entry.resolve())


@dataclass(frozen=True)
class Folder:
    """A folder with a home, in which commands run as a user's do, and pip finds nothing but the wheels in `wheels`."""

    path: Path
    wheels: Path
    home: str = "home"

    @property
    def environments(self) -> Path:
        """The folder of the environments."""
        return self.path / self.home / "environments"

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """A command that runs."""
        # compiled files of an environment are kept in it, as a user's are
        others = ("HARNESS_", "PIP_", "UV_", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
        wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels), "PIP_NO_COMPILE": "1"}
        wheels |= {"PIP_CONFIG_FILE": os.devnull, "UV_OFFLINE": "1", "UV_FIND_LINKS": str(self.wheels)}
        own = {"HARNESS_HOME": self.home, "HARNESS_MLFLOW": "off", "COLUMNS": "200"}
        return subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.path,
            env={**kept, **wheels, **own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def harness(self, *arguments: str, code: int = 0, **variables: str) -> str:
        """The output of a command that has ended with this exit code, without a traceback."""
        process = self.start(*arguments, **variables)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == code, output
        assert "Traceback" not in output
        return output
