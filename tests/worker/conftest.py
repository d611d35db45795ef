"""Tests of workers import `worker_client`, which is beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from worker_client import Template


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    """A template server that all tests of a module share, so that what one worker breaks would reach another."""
    with Template(tmp_path_factory.mktemp("template")) as shared:
        yield shared


@pytest.fixture
def own_template(tmp_path: Path) -> Iterator[Template]:
    """A template server of one test."""
    with Template(tmp_path, import_seconds=5) as own:
        yield own
