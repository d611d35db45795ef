"""What only the import of a forecaster tells: asked of a process of its own, which may hang, exit or change itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence

from harness.errors import HarnessError
from harness.forecasters.pools import POOLS
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.provider import Provider, provider_of
from harness.plugins.registry import Registered
from harness.worker.facts import Facts, facts_of

SECONDS = 60.0  # that all forecasters of a plugin may take to be imported


def known_facts(registered: Iterable[Registered[ForecasterSpec]]) -> dict[str, Facts]:
    """The facts about forecasters, by name; those whose spec holds the class itself need no other process."""
    facts: dict[str, Facts] = {}
    unknown: dict[Provider, list[str]] = {}
    for entry in registered:
        name, provider = entry.spec.name, provider_of(entry.plugin)
        if not isinstance(entry.spec.factory, str) or provider is None:
            facts[name] = facts_of(entry.spec)
        elif (provider, name) in _known:
            facts[name] = _known[provider, name]
        else:
            unknown.setdefault(provider, []).append(name)
    for provider, names in unknown.items():
        asked = _ask(provider, names)
        _known.update({(provider, name): found for name, found in asked.items()})
        facts |= asked
    return facts


_known: dict[tuple[Provider, str], Facts] = {}  # what was asked


def _ask(provider: Provider, names: Sequence[str]) -> dict[str, Facts]:
    """The facts about some forecasters of a plugin; nothing is known of those that cannot be imported."""
    try:
        told = _answered_facts(provider, names)
    except TimeoutError:
        return dict.fromkeys(names, Facts(problem=f"its plugin's import took more than {SECONDS:g} s"))
    except OSError as error:
        return dict.fromkeys(names, Facts(problem=f"no process could be started to import it: {error.strerror}"))
    except (HarnessError, EOFError):  # the process ended, by the import of one of them
        return (
            {} if not names else {name: Facts() if len(names) == 1 else _ask(provider, [name])[name] for name in names}
        )
    return {name: _facts(told.get(name) if isinstance(told, dict) else None) for name in names}


def _answered_facts(provider: Provider, names: Sequence[str]) -> object:
    """What a process of its own tells, which ends with this one; raises TimeoutError if it takes too long."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.worker", "--parent", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1", "MPLBACKEND": "Agg"},
            start_new_session=True,
        )
        try:
            return _answer(process, provider, names)
        except ConnectionError as error:
            raise EOFError(str(error)) from error
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, 9)
            process.wait()


def _answer(process: subprocess.Popen[bytes], provider: Provider, names: Sequence[str]) -> object:
    assert process.stdin is not None
    assert process.stdout is not None
    deadline = time.monotonic() + SECONDS

    def end_in_time() -> None:
        if time.monotonic() > deadline:
            raise TimeoutError

    with process.stdin, process.stdout:
        from harness.worker.messages import Connection  # here, since it loads NumPy

        connection = Connection(process.stdout.fileno(), process.stdin.fileno(), end_in_time)
        connection.receive()
        connection.send({"op": "facts", "plugin": provider.to_request(), "forecasters": list(names)})
        return connection.receive().header.get("facts")


def _facts(told: object) -> Facts:
    """The facts that another process told, of which only what has the right type is used."""
    if not isinstance(told, dict):
        return Facts()
    takes_seed, pool = told.get("takes_seed"), told.get("pool")
    return Facts(
        takes_seed if isinstance(takes_seed, bool) else None, next((each for each in POOLS if each == pool), None)
    )
