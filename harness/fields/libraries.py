"""Libraries that a forecaster or a dataset needs: whether they are installed, and the command that installs them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import partial
from importlib.util import find_spec

from harness.errors import Failure, attempt

PLAIN = re.compile(r"[\w.=-]+")  # of a word that a shell takes as it is


def missing_packages(modules: Iterable[str]) -> tuple[str, ...]:
    """The top-level packages of modules that cannot be found, each once; nothing is imported."""
    packages = dict.fromkeys(module.partition(".")[0] for module in modules)
    return tuple(package for package in packages if not _is_found(package))


def install_command(modules: Iterable[str], requires: str = "") -> str:
    """The command that installs the packages of modules, by the requirement if one is stated; empty if none is missing.

    `requires` is a requirement of pip, such as "forecast-harness[models]".
    """
    missing = missing_packages(modules)
    if not missing:
        return ""
    words = [requires] if requires else missing
    return " ".join(["pip", "install", *(word if PLAIN.fullmatch(word) else f"'{word}'" for word in words)])


def _is_found(package: str) -> bool:
    if sys.modules.get(package) is not None:
        return True
    spec = attempt(partial(find_spec, package))
    return spec is not None and not isinstance(spec, Failure)
