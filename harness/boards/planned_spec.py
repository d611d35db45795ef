"""PlannedSpec: what the evaluator of a cell needs of the forecaster's spec, so that it need not load the plugin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.forecasters.covariate_kinds import CovariateKind
from harness.forecasters.spec import Batches, ForecasterSpec
from harness.plugins.provider import Provider, provider_of
from harness.plugins.registry import Registered
from harness.plugins.weights_versions import weights_digests

if TYPE_CHECKING:
    from harness.data.missing import Missing  # which loads NumPy
    from harness.forecasters.weights.declared import Weights


@dataclass(frozen=True)
class PlannedSpec:
    """The fields of a spec, where its plugin is, and the weights as they were when the cell was planned."""

    missing: Missing = "native"
    tolerance: float = 0.0
    batches: Batches = "any"
    provider: Provider | None = None  # None: a plugin that was given as an object, which only this process has
    revision: str = ""
    depends: tuple[str, ...] = ()
    covariates: tuple[CovariateKind, ...] | None = None  # kinds that it can use; None: not stated
    needs_season: bool = False
    categorical: bool = False
    per_series: bool | None = None  # None: the worker tells it
    weights: Mapping[str, Weights] = field(default_factory=dict)  # its own and those of components, by forecaster
    weights_digests: Mapping[str, str] = field(default_factory=dict)  # likewise
    reusable: bool = False

    @property
    def has_changed_weights(self) -> bool:
        """Whether other weights are fetched than when the cell was planned."""
        return weights_digests(self.weights) != dict(self.weights_digests)


def planned_spec(registered: Registered[ForecasterSpec], weights: Mapping[str, Weights]) -> PlannedSpec:
    """What the evaluator of a cell needs of a forecaster; `weights` are its own and those of its components."""
    spec = registered.spec
    return PlannedSpec(
        spec.missing,
        spec.tolerance,
        spec.batches,
        provider_of(registered.plugin),
        spec.revision,
        tuple(spec.depends),
        None if spec.usable_covariates is None else tuple(spec.usable_covariates),
        spec.needs_season,
        spec.categorical,
        spec.per_series,
        weights,
        weights_digests(weights),
        spec.reusable,
    )
