"""Checks of an environment: that its Python starts, what is installed, and that its plugins can be imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from harness.plugins.check_results import CheckResult, check_result
from harness.plugins.environments.child import prepare
from harness.plugins.environments.descriptions import renew_description
from harness.plugins.environments.environment import Environment, EnvironmentUnusable
from harness.plugins.environments.installers import conflicts, version_of
from harness.plugins.environments.lock import locked_in

PYTHON, LOCKED, SOUND = "its Python starts", "what is installed equals its lock", "no requirement is missing"
DESCRIBED, IMPORTED = "a process of it describes its plugins", "its plugins can be used"


def check_environment(environment: Environment) -> Iterator[CheckResult]:
    """The results of all checks, each when it is known; the description of its plugins is renewed."""
    python = check_result(PYTHON, lambda: _same_python(environment))
    yield python
    if not python.passed:
        return
    yield check_result(LOCKED, lambda: _as_locked(environment))
    yield check_result(SOUND, lambda: _without_conflicts(environment))
    found: list[dict[str, object]] = []
    described = check_result(DESCRIBED, lambda: _described(environment, found))
    yield described
    if described.passed:
        yield check_result(IMPORTED, lambda: _imported(found[0]))


def _same_python(environment: Environment) -> str:
    with suppress(EnvironmentUnusable):  # why is checked here, and by the next check
        prepare(environment)
    if environment.interpreter.exists() and (version := version_of(environment.interpreter)) != environment.python:
        raise AssertionError(
            f"it is Python {version}, and was {environment.python}; create it again: {environment.again}"
        )
    if not environment.interpreter.exists():
        raise AssertionError(f"{environment.problem}; create it again: {environment.again}")
    return environment.python


def _as_locked(environment: Environment) -> str:
    before, now = environment.versions, {each.name: each.version for each in locked_in(environment.site)}
    changed = [
        f"{name} is {now.get(name, 'gone')}, and was {before.get(name, 'not installed')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    if changed:
        raise AssertionError(f"{'; '.join(changed)}; create it again: {environment.again}")
    return f"{len(now)} distributions"


def _without_conflicts(environment: Environment) -> str:
    if found := conflicts(environment.interpreter):
        raise AssertionError(" ".join(found.split("\n")))
    return ""


def _described(environment: Environment, found: list[dict[str, object]]) -> str:
    description = renew_description(environment)
    found.append(description)
    plugins = description["plugins"]
    count = sum(len(plugin["forecasters"]) for plugin in plugins)
    return f"{count} forecasters of {len(plugins)} plugin{'' if len(plugins) == 1 else 's'}, those of harness included"


def _imported(description: dict[str, object]) -> str:
    problems = description["problems"]
    assert isinstance(problems, list)
    if problems:
        raise AssertionError("; ".join(map(str, problems)))
    return ""
