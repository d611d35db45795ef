"""What only the import of a forecaster tells is asked of another process, which may hang or crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from worker_client import alive, wait_until

from harness.plugins.provider import Provider
from harness.worker import probing
from harness.worker.facts import Facts

PLUGIN = """
from dataclasses import dataclass
from harness import ForecasterSpec, hookimpl

@dataclass
class Random:
    seed: int = 0

@hookimpl
def harness_forecasters():
    return [ForecasterSpec(name, f"{module}:Random") for name, module in MODULES.items()]

MODULES = {"random": "probed_plugin", "hangs": "probed_hanging", "crashes": "probed_crashing", "raises": "nowhere"}
"""
HANGING = """
import os, time
open(os.environ["PROBED"], "w").write(str(os.getpid()))
time.sleep(1000)
"""
CRASHING = "import os; os.abort()"


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    for name, text in (("plugin", PLUGIN), ("hanging", HANGING), ("crashing", CRASHING)):
        (tmp_path / f"probed_{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PROBED", str(tmp_path / "pid"))
    return Provider("probed", "probed", "probed", "probed_plugin")


def test_a_forecaster_that_crashes_costs_the_others_nothing(provider: Provider) -> None:
    facts = probing._ask(provider, ["random", "crashes", "raises"])

    assert facts["random"].takes_seed is True
    assert facts["crashes"] == facts["raises"] == Facts()


def test_an_import_that_takes_too_long_is_told_from_one_that_fails(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "pid"
    late = SimpleNamespace(monotonic=lambda: 100.0 if told.exists() and told.read_text() else 0.0)
    monkeypatch.setattr(probing, "time", late)  # the time is over as soon as the import hangs

    facts = probing._ask(provider, ["hangs", "random"])

    assert {name: found.problem for name, found in facts.items()} == dict.fromkeys(
        ("hangs", "random"), "its plugin's import took more than 60 s"
    )
    assert not alive(int(told.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process is told when its parent ends")
def test_the_process_ends_with_the_one_that_asks(provider: Provider, tmp_path: Path) -> None:
    code = f"from harness.worker.probing import _ask, Provider; _ask({provider!r}, ['hangs'])"
    asking = subprocess.Popen([sys.executable, "-c", code])
    told = tmp_path / "pid"
    wait_until(lambda: told.exists() and told.read_text())

    os.kill(asking.pid, signal.SIGKILL)
    asking.wait()

    wait_until(lambda: not psutil.pid_exists(int(told.read_text())))
