"""A board of a forecaster with a pretrained model, in a plugin file that logs what its processes do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PLUGIN = '''
"""A forecaster with a model that takes time to load, and which tells of its process."""

import json
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness import DatasetSpec, Forecast, ForecasterSpec, Panel, Resources, hookimpl

LOG = Path(os.environ["MODEL_LOG"])
SIZE, SECONDS = (float(os.environ.get(name, 0)) for name in ("MODEL_SIZE", "MODEL_SECONDS"))
fits = []  # of this process


class OutOfMemoryError(RuntimeError):
    """As torch.cuda.OutOfMemoryError."""


def log(kind, **fields):
    with suppress(OSError), LOG.open("a") as file:  # a sandbox shows another folder
        file.write(json.dumps({"kind": kind, "process": os.getpid(), "parent": os.getppid(), **fields}) + "\\n")


@lru_cache(maxsize=1)
def load_weights(name):
    log("load", name=name, gpu=os.environ.get("CUDA_VISIBLE_DEVICES"))
    time.sleep(SECONDS)
    if name == "raises":
        raise ValueError("the checkpoint is damaged")
    if name == "threads":
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return np.full(max(int(SIZE) // 8, 1), 7.0)


@dataclass
class Pretrained:
    """Forecasts what its model says."""

    name: str = "small"
    act: str = ""
    device: str = "auto"
    batch_size: int = 64
    most: int = 64
    seconds: float = 0.0

    def load_model(self):
        load_weights(self.name)

    def fit(self, train):
        fits.append(train.horizon)
        log("fit", fits=len(fits), gpu=os.environ.get("CUDA_VISIBLE_DEVICES"), folder=os.getcwd(), begin=time.time())
        if self.act == "leaves a file":
            log("files", files=os.listdir("."))
            Path("left").touch()
        if self.act == "crashes" and train.horizon == 2:
            os._exit(3)
        if self.act == "fails when reused" and len(fits) > 1:
            raise ValueError("something is left of an earlier cell")
        time.sleep(self.seconds)
        self.act_of_memory("fit")
        log("end", end=time.time(), gpu=os.environ.get("CUDA_VISIBLE_DEVICES"))

    @property
    def remarks_(self):
        if self.act == "crashes when reused and described" and len(fits) > 1:
            os._exit(9)
        return [f"fit {len(fits)} of its process"]

    def act_of_memory(self, method):
        if self.act == f"too much in {method}" and self.batch_size > self.most:
            raise OutOfMemoryError(f"CUDA out of memory with batches of {self.batch_size}")

    def predict(self, contexts):
        self.act_of_memory("predict")
        weights = load_weights(self.name)
        noise = np.random.random() if self.act == "draws" else 0.0
        return Forecast.point(
            np.full((len(contexts), contexts.horizon, len(contexts.targets)), weights[0] + noise)
        )


@hookimpl
def harness_forecasters():
    return [
        ForecasterSpec("pretrained", Pretrained, reusable=True),
        ForecasterSpec("other", Pretrained, reusable=True),
        ForecasterSpec("loads-each-time", Pretrained),
        ForecasterSpec("auto", Pretrained, reusable=True, resources=Resources(device="auto")),
        ForecasterSpec("cuda", Pretrained, resources=Resources(device="cuda")),
        ForecasterSpec("half", Pretrained, resources=Resources(device="cuda", device_share=0.5)),
        ForecasterSpec("no-model", "harness_plugin:Pretrained", reusable=True),
    ]


@hookimpl
def harness_datasets():
    return [DatasetSpec("line", lambda: Panel.of([np.sin(np.arange(60.0))], season_length=4))]
'''


@dataclass
class ModelBoard:
    """The board in a folder, and what its processes logged."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def write(self, forecasters: Mapping[str, Mapping[str, Any]], tasks: int = 3) -> None:
        """Write the board, with hyperparameters by title; the name of a forecaster is the part before a space."""
        lines = ['title = "Models"', 'metric = "MAE"', 'baseline = "naive"']
        for task in range(tasks):
            protocol = f'{{ kind = "rolling-origin", horizon = {task + 1}, windows = 4 }}'
            lines += ["[[tasks]]", 'dataset = "line"', f'name = "task{task}"', f"protocol = {protocol}"]
        for title, parameters in {"naive": {}, **forecasters}.items():
            lines += ["[[forecasters]]", f'name = "{title.partition(" ")[0]}"', f'label = "{title}"']
            if parameters:
                lines += [
                    f"parameters = {{ {', '.join(f'{key} = {json.dumps(parameters[key])}' for key in parameters)} }}"
                ]
        board = self.folder / "board"
        board.mkdir(exist_ok=True)
        (board / "leaderboard.toml").write_text("\n".join(lines))
        (board / "harness_plugin.py").write_text(PLUGIN)

    def run(self, *options: str, code: int = 0, command: str = "run") -> subprocess.CompletedProcess[str]:
        """Run the board by the command line."""
        variables = {"HARNESS_HOME": str(self.folder / "home"), "MODEL_LOG": str(self.folder / "log"), **self.variables}
        variables = {**os.environ, **variables, "HARNESS_MLFLOW": "off"}
        for name in {"CUDA_VISIBLE_DEVICES", "HARNESS_DEVICES"} - set(self.variables):
            variables.pop(name, None)
        done = subprocess.run(
            [sys.executable, "-m", "harness", command, "./board", *options],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def logged(self, kind: str) -> list[dict[str, Any]]:
        """What processes logged."""
        log = self.folder / "log"
        lines = map(json.loads, log.read_text().splitlines()) if log.exists() else ()
        return [line for line in lines if line["kind"] == kind]

    def records(self, forecaster: str) -> list[dict[str, Any]]:
        """The records of a forecaster in the journal, by task."""
        paths = (self.folder / "home").glob("journal/cells/*/record.json")
        records = [record for path in paths if (record := json.loads(path.read_text()))]
        found = [record for record in records if record["cell"]["forecaster"] == forecaster]
        return sorted(found, key=lambda record: str(record["cell"]["task"]))
