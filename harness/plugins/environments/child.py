"""Processes of an environment: their environment variables, and what they tell of its plugins."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from harness.forecasters.weights.store import weights_variables
from harness.plugins.environments.environment import Environment, EnvironmentUnusable
from harness.plugins.environments.links import link_harness
from harness.plugins.plugin_file import VARIABLE as PLUGIN_FILE
from harness.plugins.restriction import VARIABLE as PLUGINS

SECONDS = 300.0  # that a process may take to import all plugins of an environment
MOST_LINE = 300  # characters of its output that a sentence quotes
# what leads another interpreter to the packages of this one, or names its plugins
OF_THIS_PROCESS = ("PYTHONPATH", "PYTHONHOME", "PYTHONEXECUTABLE", "VIRTUAL_ENV", PLUGINS, PLUGIN_FILE)


def child_variables(environment: Environment, present: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for a process of an environment, made of those of another process."""
    variables = {name: value for name, value in present.items() if name not in OF_THIS_PROCESS}
    return {**variables, **({PLUGIN_FILE: environment.plugin_file} if environment.plugin_file else {})}


def prepare(environment: Environment) -> None:
    """Have it find the running harness; raises EnvironmentUnusable."""
    if problem := environment.problem:
        raise EnvironmentUnusable(environment, problem)
    try:
        link_harness(environment.site)
    except OSError as error:
        problem = f"{error.filename or environment.site} cannot be written to ({error.strerror})"
        raise EnvironmentUnusable(environment, problem) from error


def describe(environment: Environment) -> dict[str, Any]:
    """What the plugins of an environment provide, told by a process of it; see `harness.worker.plugin_description`.

    Raises EnvironmentUnusable if no process tells it.
    """
    prepare(environment)
    with tempfile.TemporaryDirectory(prefix="harness-describe-", ignore_cleanup_errors=True) as folder:
        variables = child_variables(environment, os.environ)
        try:
            done = subprocess.run(
                [str(environment.interpreter), "-P", "-m", "harness.worker", "--describe"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=folder,
                env={
                    **variables,
                    **weights_variables(variables),
                    "PYTHONHASHSEED": "0",
                    "PYTHONSAFEPATH": "1",
                    "MPLBACKEND": "Agg",
                },
                timeout=SECONDS,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise does_not_start(environment, f"the import of its plugins took more than {SECONDS:g} s") from None
        except OSError as error:
            raise does_not_start(environment, str(error.strerror)) from error
    try:
        told = json.loads(done.stdout)
    except ValueError:
        told = None
    if done.returncode or not isinstance(told, dict):
        raise does_not_start(environment, last_line(done.stderr) or f"it ended with exit code {done.returncode}")
    return told


def does_not_start(environment: Environment, reason: str) -> EnvironmentUnusable:
    """The error that a process of an environment does not start."""
    return EnvironmentUnusable(environment, f"it does not start ({reason})")


def last_line(output: bytes) -> str:
    """The last line of what a process wrote that is not empty."""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[:MOST_LINE] if lines else ""
