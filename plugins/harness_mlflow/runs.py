"""This home's runs in an MLflow store: found, created, written and described."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType

from harness_mlflow.inputs import user
from harness_mlflow.place import Place

LONGEST_CURVE = 300  # points of a training's curve, evenly spaced


class Runs:
    """The runs and experiments of a home; several homes may share a store."""

    def __init__(self, client: MlflowClient, place: Place) -> None:
        self.client = client
        self.place = place
        self.home = place.identity()

    def find(self, experiment: str, tag: str = "", value: str = "") -> list[Any]:
        """The home's runs in an experiment, or those of them with a tag; the newest first."""
        query = f"tags.`harness.home` = '{self.home}'" + (f" and tags.`{tag}` = '{value}'" if tag else "")
        runs: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs([experiment], query, ViewType.ACTIVE_ONLY, page_token=token)
            runs += page
            token = page.token
            if not token:
                return runs

    def create(self, experiment: str, name: str, tags: Mapping[str, str], started: int | None = None) -> Any:
        """A new run of the home."""
        all_tags = {
            **tags,
            "harness.home": self.home,
            "mlflow.user": user(),
            "mlflow.source.name": "harness",
            "mlflow.source.type": "LOCAL",
        }
        return self.client.create_run(experiment, started, all_tags, name)

    @contextlib.contextmanager
    def artifact_folder(self, run: Any) -> Iterator[Path]:
        """A folder whose files become artifacts of a run; for a store on this machine the artifacts' own folder."""
        address = urlsplit(run.info.artifact_uri)
        if address.scheme == "file" and not self.place.on_server:
            folder = Path(url2pathname(address.path))
            folder.mkdir(parents=True, exist_ok=True)
            yield folder
            return
        with tempfile.TemporaryDirectory(prefix="harness-") as draft:
            yield Path(draft)
            self.client.log_artifacts(run.info.run_id, draft)

    def log(
        self,
        run: str,
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
        self.client.log_batch(run, all_metrics, all_params, [RunTag(*tag) for tag in tags.items()])

    def experiment(self, name: str) -> str:
        """The number of an experiment, which is created or restored if necessary."""
        known = self.client.get_experiment_by_name(name)
        if known is not None:
            if known.lifecycle_stage == "deleted":
                self.client.restore_experiment(known.experiment_id)
            return str(known.experiment_id)
        location = None if self.place.on_server else (self.place.artifacts / name.replace("/", "_")).as_uri()
        tags = {"mlflow.experimentKind": "custom_model_development"}
        return str(self.client.create_experiment(name, location, tags))

    def tag_experiment(self, experiment: str, tags: Mapping[str, str]) -> None:
        """Set those tags of an experiment that differ."""
        known = self.client.get_experiment(experiment).tags
        for name, value in tags.items():
            if known.get(name) != value:
                self.client.set_experiment_tag(experiment, name, value)
