"""Whatever plugins and board files call things: no command sends a control character to the terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EVIL = "e\x1b[31m[red]v\x07i\x9bl\r\u202e"
SHOWN = r"e\x1b[31m[red]v\x07i\x9bl\r\u202e"
PLUGIN = f"""
import warnings
from dataclasses import dataclass

import numpy as np

from harness import DatasetSpec, Forecast, ForecasterSpec, Metric, Panel, hookimpl
from harness.errors import BadInput

EVIL = {EVIL!r}


@dataclass
class Level:
    level: float = 0.0
    text: str = EVIL

    def fit(self, train):
        warnings.warn(EVIL)

    def predict(self, contexts):
        return Forecast.point(np.full((len(contexts), contexts.horizon, 1), self.level))


class Evil(type):
    def __repr__(cls):
        return EVIL


class Raises(Level):
    def fit(self, train):
        raise type(EVIL, (Exception,), {{}})(EVIL + "\\n" + EVIL)


class Refuses(Level):
    def fit(self, train):
        raise BadInput(EVIL)


def data():
    return Panel.of([np.arange(40.0)], ids=[EVIL], season_length=2)


def lost():
    raise OSError(2, EVIL, EVIL)


@hookimpl
def harness_forecasters():
    classes = {{"": Level, " raises": Raises, " refuses": Refuses}}
    specs = [ForecasterSpec(EVIL + name, made, EVIL) for name, made in classes.items()]
    return [*specs, ForecasterSpec(EVIL + " twice", Level), ForecasterSpec(EVIL + " twice", Level), EVIL]


@hookimpl
def harness_datasets():
    return [
        DatasetSpec(EVIL, data, description=EVIL, source=EVIL, licence=EVIL),
        DatasetSpec(EVIL + " lost", lost, description=EVIL),
    ]


@hookimpl
def harness_metrics():
    raise ValueError(EVIL)


@hookimpl
def harness_run_finished(run, home):
    raise ValueError(EVIL)


@hookimpl
def harness_finished(home):
    return [EVIL]
"""
HOSTILE = r'"e\u001B[31m[red]v\u0007i\u009Bl\r\u202E'  # the same in TOML, without the closing quote
BOARD = f"""
title = {HOSTILE}"
description = {HOSTILE}"
metric = "MAE"
baseline = "naive"

[[tasks]]
dataset = {HOSTILE}"
name = {HOSTILE}"
protocol = {{ kind = "rolling-origin", horizon = 2, windows = 3 }}

[[tasks]]
dataset = {HOSTILE} lost"
name = "lost"
protocol = {{ kind = "rolling-origin", horizon = 2, windows = 3 }}

[[forecasters]]
name = "naive"
"""
FORECASTERS = ["", " raises", " refuses"]
ENTRIES = "".join(f'\n[[forecasters]]\nname = {HOSTILE}{name}"\n' for name in FORECASTERS)
WITHOUT_LOST = re.sub(r"\[\[tasks\]\]\ndataset = [^\n]* lost.*?(?=\[\[forec)", "", BOARD, flags=re.S)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory, plugin_folder: Callable[[Path, str], Any]) -> Any:
    folder = plugin_folder(tmp_path_factory.mktemp("evil"), "evil_plugin")
    bad = {
        "syntax": f"title = {HOSTILE}",
        "key": f'{HOSTILE}" = 1\n',
        "metric": BOARD.replace('"MAE"', f'{HOSTILE}"'),
    }
    folder.install(PLUGIN, {"evil": WITHOUT_LOST + ENTRIES, "lost": BOARD + ENTRIES, **bad})
    (folder.home).mkdir()
    return folder


COMMANDS: list[tuple[str, ...]] = [
    ("run", "evil", "--jobs", "1"),
    ("run", "evil", "--jobs", "0", "--retry-failed"),
    ("run", "lost", "--jobs", "1"),
    ("run", "evil", "--jobs", "0", "--home", EVIL),
    ("show", "evil"),
    ("show", "evil", "--markdown"),
    ("show", "evil", "--csv"),
    ("show", "evil", "--by", "series"),
    ("show", "evil", "--by", "task", "--task", EVIL),
    ("show", EVIL),
    ("list",),
    ("list", "formats"),
    ("list", "forecasters", "--card", EVIL),
    ("data", "list"),
    ("data", "fetch", EVIL),
    ("data", "fetch", EVIL + " lost"),
    ("check", EVIL),
    ("check", EVIL + " raises"),
    ("check", EVIL + " lost"),
    ("compare", "evil", "evil"),
    ("compare", "evil", EVIL),
    ("publish", "evil", "out"),
    ("bench", EVIL, EVIL + " raises", "--board", "evil", "--seconds", "0.01"),
    ("status",),
    ("status", "--json"),
    ("replay", "evil", EVIL, EVIL),
    ("replay", "evil", EVIL + " raises", EVIL),
    ("replay", "evil", EVIL, EVIL, "--json"),
    ("replay", EVIL),
    ("run", "syntax"),
    ("run", "key"),
    ("run", "metric"),
    ("run", EVIL, "--debug"),
    ("--plugins", EVIL, "list"),
    (EVIL,),
    ("run", f"--{EVIL}"),
]
SCRIPT = """
import json
import os
import sys

from harness.cli.main import main

for arguments in json.load(open(sys.argv[1])):
    os.environ.pop("HARNESS_PLUGINS", None)
    sys.argv = ["harness", *arguments]
    print("=====", json.dumps(arguments), flush=True)
    try:
        main()
    except SystemExit as end:
        print("===== exit code", end.code, flush=True)
"""


def test_what_commands_say(evil: Any) -> None:
    (evil.folder / "commands.json").write_text(json.dumps(COMMANDS))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "MLFLOW_"))}

    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, "commands.json"],
        env={**kept, "PYTHONPATH": str(evil.module.parent), "HARNESS_HOME": str(evil.home), "COLUMNS": "200"},
        cwd=evil.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
    )

    said = ended.stdout.decode().split("===== [")
    assert len(said) == len(COMMANDS) + 1, said[-1]
    raw = [text for text in said[1:] if set(text) & set("\x1b\x07\x9b\r\u202e")]
    assert not raw, "\n".join(raw)
    assert not [text for text in said[1:] if "Traceback" in text and "--debug" not in text]
    assert SHOWN in said[1]
