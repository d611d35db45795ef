"""The two ways to start the command line."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

MODULE = ["-m", "harness"]
(POINT,) = entry_points(group="console_scripts", name="harness")
SCRIPT = ["-c", f"import sys; from {POINT.module} import {POINT.attr}; sys.exit({POINT.attr}())"]


def ended(start: list[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code and the output of a command."""
    done = subprocess.run([sys.executable, *start, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["run", "--help"], 0), (["--version"], 0), (["run"], 2), (["show", "toyz"], 2), (["shwo"], 2)],
)
def test_the_module_and_the_script_are_the_same_command(arguments: list[str], code: int) -> None:
    script, module = ended(SCRIPT, *arguments), ended(MODULE, *arguments)

    assert module == script
    assert module[0] == code
