"""The environment of a run, as its provenance states it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def environment_text(provenance: Mapping[str, Any]) -> str:
    """The environment that the forecaster of a run was in as a text; empty for that of harness itself."""
    environment = provenance.get("environment")
    if not isinstance(environment, Mapping):
        return ""
    requirements = " ".join(map(str, environment.get("requirements", ())))
    parts = (str(environment.get("name", "")), f"Python {environment.get('python', '')}", requirements)
    return ", ".join(filter(None, parts))
