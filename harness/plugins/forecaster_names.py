"""The names of forecasters: NAME, or NAME@ENVIRONMENT for that of an environment, which may not exist."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.errors import UnknownName
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.registry import Registry
from harness.plugins.restriction import restriction

FOLDER = "environments"  # in a home
RECORD = "environment.json"  # in the folder of an environment
MOST_MODELS = 3  # that a sentence suggests
AT = "@"  # between the name of a forecaster and that of an environment
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)  # a word that a shell takes as it is
_QUALIFIED = re.compile(r"(.+)@([A-Za-z0-9][A-Za-z0-9._-]{0,49})")


class UnknownForecaster(UnknownName):
    """No forecaster of that name: `known` are listed where neither one of them nor one of `others` is similar."""

    def __init__(self, kind: str, name: str, known: Iterable[str], others: Iterable[str] = ()) -> None:
        known = tuple(known)
        if similar := _similar(name, (*known, *others)):
            Exception.__init__(self, f"no {kind} called {name!r}; did you mean {' or '.join(map(repr, similar))}?")
        else:
            super().__init__(kind, name, known)


class EnvironmentMissing(UnknownName):
    """A forecaster is named with an environment that does not exist or is not used; `reason` says so without it."""

    reason = ""

    def __init__(self, kind: str, name: str, reason: str) -> None:
        self.reason = reason
        Exception.__init__(self, f"no {kind} called {name!r}: {reason}")


class ForecasterNames(Registry[ForecasterSpec]):
    """Forecasters by name. One with the name of an environment that does not exist is compared with no others."""

    def __init__(self, home: Path | None, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.home = home  # that of the environments; None: no environments

    def in_environment(self, name: str, digest: str) -> str:
        """The name of the forecaster NAME or NAME@ENVIRONMENT in an environment of this hash; empty if none has it."""
        return ""

    def unknown(self, name: str) -> UnknownName:
        """The error that no forecaster has this name."""
        environment = environment_in(name)
        reason = _missing(environment, self.home) if environment and self.home is not None else ""
        if reason:
            return EnvironmentMissing(self.kind, name, reason)
        return UnknownForecaster(self.kind, name, self._known)

    def check_unique(self, name: str) -> None:
        """Raise AmbiguousName if several environments provide it, and EnvironmentMissing if its environment is not."""
        super().check_unique(name)
        if name not in self and isinstance(error := self.unknown(name), EnvironmentMissing):
            raise error


def environment_in(name: str) -> str:
    """The environment in the name of a forecaster; empty where there is none."""
    found = _QUALIFIED.fullmatch(name)
    return found[2] if found else ""


def missing_environment(environment: str, requirements: Iterable[str] = ()) -> str:
    """The sentence that an environment does not exist, with the command that makes it of these requirements."""
    return f"{_does_not_exist(environment)}; make it by `{create_command(environment, requirements)}`"


def is_missing(reason: str, environment: str) -> bool:
    """Whether this is the sentence that this environment does not exist."""
    return reason.startswith(_does_not_exist(environment))


def create_command(environment: str, requirements: Iterable[str] = ()) -> str:
    """The command that makes an environment."""
    words = " ".join(map(_quoted, requirements))
    return f"harness env create {environment} {words or 'REQUIREMENT…'}"


def _quoted(word: str) -> str:
    """A word for a shell, as `shlex.quote` gives it, which `harness list` should not have to import."""
    return word if _PLAIN.fullmatch(word) else "'" + word.replace("'", "'\"'\"'") + "'"


def _similar(name: str, names: Iterable[str]) -> list[str]:
    """The models of libraries that have this name after the library, or else the most similar name; [] if none is.

    Of more than three models only the first ones.
    """
    import difflib

    lower, by_lower_case = name.casefold(), {each.casefold(): each for each in sorted(names, reverse=True)}
    if lower in by_lower_case:
        return [by_lower_case[lower]]
    models = [each for each in by_lower_case if ":" in each and each.partition(":")[2].partition(AT)[0] == lower]
    matches = sorted(models)[:MOST_MODELS] or difflib.get_close_matches(lower, by_lower_case, n=1)
    return [by_lower_case[each] for each in matches]


def _does_not_exist(environment: str) -> str:
    return f"environment {environment!r} does not exist"


def _missing(environment: str, home: Path) -> str:
    """Why an environment provides no forecaster; empty where it may."""
    if not (home / FOLDER / environment / RECORD).is_file():
        return missing_environment(environment)
    if not restriction().allows_environment(environment):
        left_out = "is left out by --plugins or HARNESS_PLUGINS; name it there as"
        return f"environment {environment!r} {left_out} @{environment}"
    return ""
