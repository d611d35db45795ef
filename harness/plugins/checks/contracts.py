"""Checks of the contracts of forecasters, datasets and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from harness.data.classes import check_classes
from harness.data.dataset import DatasetSpec
from harness.data.files import load
from harness.data.panel import Panel
from harness.errors import Failure, UnknownName, attempt
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.catalog import Catalog
from harness.plugins.check_results import CheckResult, not_checked
from harness.plugins.checks.covariates import check_covariates
from harness.plugins.checks.forecasters import forecaster_results
from harness.plugins.checks.makers import InProcessMaker, Maker
from harness.plugins.checks.metrics import check_metric
from harness.plugins.installation import check_data_installed, check_installed
from harness.plugins.registry import Registered

SOUND_COVARIATES = "its covariates are sound"
DATASET_CHECKS = ("gives its source", "gives its licence", "loads", "loads the same data again")

Makers = Callable[[Registered[ForecasterSpec]], Maker]


def check(
    name: str, catalog: Catalog, home: Path, makers: Makers | None = None, *, strict: bool = False
) -> Iterator[CheckResult]:
    """The results of all checks of a forecaster, dataset or metric, each when it is known; raises UnknownName.

    Forecasters are made in this process, or as `makers` says. `strict` adds checks of strict mode.
    """
    for registry in (catalog.forecasters, catalog.datasets, catalog.metrics):
        registry.check_unique(name)
    if name in catalog.forecasters:
        check_installed(name, catalog.forecasters)
        registered = catalog.forecasters[name]
        maker = InProcessMaker(registered.spec) if makers is None else makers(registered)
        return forecaster_results(registered.spec, maker, strict=strict)
    if name in catalog.datasets:
        check_data_installed(catalog.datasets[name].spec)
        return check_dataset(catalog.datasets[name].spec, home)
    if name in catalog.metrics:
        return check_metric(catalog.metrics[name].spec)
    known = [*catalog.forecasters, *catalog.datasets, *catalog.metrics]
    raise UnknownName("forecaster, dataset or metric", name, known)


def check_forecaster(spec: ForecasterSpec, *, strict: bool = False) -> list[CheckResult]:
    """The results of all checks of a forecaster in this process."""
    return list(forecaster_results(spec, InProcessMaker(spec), strict=strict))


def _loaded(spec: DatasetSpec, home: Path) -> Panel:
    """The data, whose categorical targets have classes as values; raises BadData if not."""
    panel = load(spec, home)
    check_classes(panel)
    return panel


def check_dataset(spec: DatasetSpec, home: Path) -> Iterator[CheckResult]:
    """The contract of a dataset: source and licence, the same data if it is loaded twice, and sound covariates."""
    yield CheckResult("gives its source", bool(spec.source), spec.source or "no source is given")
    yield CheckResult("gives its licence", bool(spec.licence), spec.licence or "no licence is given")
    first = attempt(lambda: _loaded(spec, home))
    if isinstance(first, Failure):
        yield CheckResult.of_failure("loads", first)
        return
    yield CheckResult("loads", True, f"{len(first)} series, {len(first.values)} observations")
    again = attempt(lambda: load(spec, home))
    if isinstance(again, Failure):
        yield CheckResult.of_failure("loads the same data again", again)
        yield not_checked(SOUND_COVARIATES, "an earlier check does not pass")
        return
    same = again.fingerprint() == first.fingerprint()
    detail = f"fingerprint {again.fingerprint()[:16]}…"
    wrong = "its loader is not deterministic; seed its random generator"
    yield CheckResult("loads the same data again", same, detail if same else wrong)
    yield from check_covariates(first)
