"""Objects named by texts such as "package.module:name", so that naming one imports nothing."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, cast


def import_object(reference: Callable[..., Any] | str) -> Callable[..., Any]:
    """The object that a text names, imported now; anything else as it is."""
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    return cast("Callable[..., Any]", getattr(importlib.import_module(module), name))
