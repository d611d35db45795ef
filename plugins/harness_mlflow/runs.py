"""This home's runs in an MLflow store: found, created, written and described."""

from __future__ import annotations

import contextlib
import hashlib
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

from harness import Status
from harness_mlflow.entries import LONGEST_NAME
from harness_mlflow.inputs import user
from harness_mlflow.place import Place
from harness_mlflow.storage import storable, tag_value

PAGE = 200  # runs that are read at a time
LONGEST_CURVE = 300  # points of a training's curve, evenly spaced
LONGEST_FOLDER = 200  # bytes
EXPERIMENT = "harness.experiment"  # the tag with an experiment's original name


@dataclass(frozen=True)
class KnownRun:
    """A run in the store, without what MLflow's own objects hold beside it."""

    number: str
    status: str
    artifacts: str  # their address
    tags: Mapping[str, str]
    params: Mapping[str, str]
    metrics: frozenset[str]  # their names

    @classmethod
    def of(cls, run: Any) -> KnownRun:
        """A run of MLflow."""
        data, info = run.data, run.info
        return cls(info.run_id, info.status, info.artifact_uri, data.tags, data.params, frozenset(data.metrics))

    @property
    def finished(self) -> bool:
        """Whether it was written to its end."""
        return self.status != "RUNNING"


class Runs:
    """The runs and experiments of a home; several homes may share a store. `advance` is called as they are used."""

    def __init__(self, client: MlflowClient, place: Place, advance: Callable[[], None]) -> None:
        self.client = client
        self.place = place
        self.home = place.identity()
        self.advance = advance

    def find(self, experiment: str, tag: str = "", value: str = "") -> Iterator[KnownRun]:
        """The home's runs in an experiment, or those of them with a tag; the newest first.

        They are read page by page: none may be deleted before the last one is read.
        """
        query = f"tags.`harness.home` = '{self.home}'" + (f" and tags.`{tag}` = '{value}'" if tag else "")
        token = None
        while True:
            page = self.client.search_runs([experiment], query, ViewType.ACTIVE_ONLY, PAGE, page_token=token)
            self.advance()
            yield from map(KnownRun.of, page)
            token = page.token
            if not token:
                return

    def completed(self, experiment: str, tasks: Sequence[str]) -> dict[str, dict[str, str]]:
        """The run of a completed cell by forecaster and task, in the order of the board's tasks."""
        runs: dict[str, dict[str, str]] = {}
        for run in self.find(experiment, "current", "yes"):
            if run.tags.get("status") == Status.COMPLETED.value:
                own, task = runs.setdefault(run.tags.get("forecaster", ""), {}), run.tags.get("task", "")
                own[task] = min(run.number, own.get(task, run.number))  # always the same one of several seeds
        order = list(map(tag_value, tasks))
        return {forecaster: {task: own[task] for task in order if task in own} for forecaster, own in runs.items()}

    def delete(self, run: KnownRun) -> None:
        """Delete a run, and the files of its artifacts where the home has them."""
        self.client.delete_run(run.number)
        address = urlsplit(run.artifacts)
        if address.scheme == "file" and not self.place.on_server:
            root, folder = self.place.artifacts.resolve(), Path(url2pathname(address.path)).resolve().parent
            if folder != root and folder.is_relative_to(root):  # the address may be anything in a shared store
                shutil.rmtree(folder, ignore_errors=True)
        self.advance()

    def end(self, run: KnownRun, status: str = "FINISHED", moment: int | None = None) -> None:
        """Mark a run as written to its end."""
        self.client.set_terminated(run.number, status, moment)
        self.advance()

    def create(self, experiment: str, name: str, tags: Mapping[str, str], started: int | None = None) -> KnownRun:
        """A new run of the home."""
        all_tags = {
            **{key: tag_value(value) for key, value in tags.items()},
            "harness.home": self.home,
            "mlflow.user": user(),
            "mlflow.source.name": "harness",
            "mlflow.source.type": "LOCAL",
        }
        created = self.client.create_run(experiment, started, all_tags, storable(name)[:LONGEST_NAME])
        self.advance()
        return KnownRun.of(created)

    @contextlib.contextmanager
    def artifact_folder(self, run: KnownRun) -> Iterator[Path]:
        """A folder whose files become artifacts of a run; for a store on this machine the artifacts' own folder."""
        address = urlsplit(run.artifacts)
        if address.scheme == "file" and not self.place.on_server:
            folder = Path(url2pathname(address.path))
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
            return
        with tempfile.TemporaryDirectory(prefix="harness-") as draft:
            yield Path(draft)
            self.client.log_artifacts(run.number, draft)
        self.advance()

    def log(
        self,
        run: KnownRun,
        params: Mapping[str, str],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        moment: int,
        step: int,
        curves: Mapping[str, tuple[float, ...]] = MappingProxyType({}),
    ) -> None:
        """Write everything at once; MLflow's client splits it into batches. Curves have steps from 1."""
        all_metrics = [Metric(name, value, moment, step) for name, value in metrics.items()]
        for name, curve in curves.items():
            steps = range(0, len(curve), -(-len(curve) // LONGEST_CURVE) or 1)
            all_metrics += [Metric(name, curve[i], moment, i + 1) for i in steps if math.isfinite(curve[i])]
        all_params = [Param(*param) for param in params.items()]
        all_tags = [RunTag(key, tag_value(value)) for key, value in tags.items()]
        self.client.log_batch(run.number, all_metrics, all_params, all_tags)
        self.advance()

    def tag(self, run: KnownRun, name: str, value: str) -> None:
        """Set a tag of a run."""
        self.client.set_tag(run.number, name, tag_value(value))
        self.advance()

    def experiment(self, name: str, number: str = "") -> tuple[str, bool]:
        """The number of an experiment, which is created or restored if necessary, and whether it was restored.

        One that a user renamed is known by its former number.
        """
        short = experiment_name(name)
        known = self._known_experiment(short, number) or self.client.get_experiment_by_name(short)
        if known is None:
            location = None if self.place.on_server else (self.place.artifacts / folder_name(short)).as_uri()
            tags = {"mlflow.experimentKind": "custom_model_development", EXPERIMENT: short}
            return str(self.client.create_experiment(short, location, tags)), False
        deleted = known.lifecycle_stage == "deleted"
        if deleted:
            self.client.restore_experiment(known.experiment_id)
        return str(known.experiment_id), deleted

    def _known_experiment(self, name: str, number: str) -> Any:
        """The experiment of a number, if it still is the one of this name, whatever it is called now."""
        if not number:
            return None
        try:
            known = self.client.get_experiment(number)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return known if name in (known.name, known.tags.get(EXPERIMENT)) else None

    def tag_experiment(self, experiment: str, tags: Mapping[str, str]) -> None:
        """Set those tags of an experiment that differ."""
        known = self.client.get_experiment(experiment).tags
        for name, value in tags.items():
            if known.get(name) != tag_value(value):
                self.client.set_experiment_tag(experiment, name, tag_value(value))
                self.advance()


def experiment_name(name: str) -> str:
    """A name of an experiment that every database takes; a long one is cut and numbered by its hash."""
    text = storable(name)
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME - 20]}… {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def folder_name(name: str) -> str:
    """The name of the folder of an experiment's artifacts."""
    text = name.replace("/", "_")
    if len(text.encode()) <= LONGEST_FOLDER and text.strip("."):
        return text
    return hashlib.sha256(name.encode()).hexdigest()[:32]
