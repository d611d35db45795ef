"""An environment of its own for each peer, without our constraints, and never with PyTorch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"


class CannotMeasure(Exception):
    """A peer that cannot be measured here, and why."""


def python_of(peer: str, folder: Path) -> Path:
    """The Python of a peer's environment, made where it is not there yet; raises CannotMeasure."""
    home = folder / "environments" / peer
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready, wanted = home / "ready.txt", (REQUIREMENTS / f"{peer}.txt").read_text(encoding="utf-8")
    if ready.exists() and ready.read_text(encoding="utf-8") == wanted:
        return python
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(REQUIREMENTS / f"{peer}.txt")]
    report = home / "report.json"
    _run([*install, "--dry-run", "--report", str(report)])
    names = {each["metadata"]["name"].lower() for each in json.loads(report.read_text(encoding="utf-8"))["install"]}
    if any(name == "torch" or name.startswith("nvidia") for name in names):
        raise CannotMeasure("it would bring PyTorch along")
    _run(install)
    ready.write_text(wanted, encoding="utf-8")
    return python


def _run(command: list[str]) -> None:
    free = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}  # tox sets it
    done = subprocess.run(command, capture_output=True, text=True, env=free)
    if done.returncode:
        raise CannotMeasure((done.stderr.strip().splitlines() or ["no reason given"])[-1])
