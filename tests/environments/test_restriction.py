"""Environments with --plugins: only those that it names are used, and no process of others is started."""

from __future__ import annotations

import pytest


@pytest.fixture
def starts(other_home):
    """The file that the Python of the environment `new` writes when it is started, without a stored description."""
    folder = other_home.environments / "new"
    (folder / "plugins.json").unlink()
    python, started = folder / "venv" / "bin" / "python", folder / "started"
    interpreter = python.resolve()
    python.unlink()
    python.write_text(f'#!/bin/sh\ntouch "{started}"\nexec "{interpreter}" "$@"\n')
    python.chmod(0o755)
    return started


@pytest.mark.parametrize("names", ["none", "@other"])
def test_no_process_of_an_environment_that_is_not_named_is_started(names: str, other_home, starts) -> None:
    (other_home.environments / "other").mkdir()
    for name in ("environment.json", "lock.txt"):
        (other_home.environments / "other" / name).write_bytes((other_home.environments / "new" / name).read_bytes())

    said = other_home.harness("--plugins", names, "list", "forecasters")

    assert not starts.exists()
    assert "shifted" not in said
    assert "shifted" not in other_home.harness("list", "forecasters", HARNESS_PLUGINS="none")


@pytest.mark.parametrize("options", [(), ("--plugins", "@new")])
def test_another_one_is_started_where_its_description_is_missing(options: tuple[str, ...], other_home, starts) -> None:
    other_home.harness(*options, "list", "forecasters")

    assert starts.exists()


def test_an_environment_that_is_named_is_used(other_home) -> None:
    assert "shifted" in other_home.harness("--plugins", "@new", "list", "forecasters")
    assert "shifted" in other_home.harness("list", "forecasters", HARNESS_PLUGINS="@New")


def test_a_name_of_no_environment_is_refused(other_home) -> None:
    said = other_home.harness("--plugins", "@newer", "list", "forecasters", code=2)

    assert "no environment called 'newer'; did you mean 'new'?" in said
