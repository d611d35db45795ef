"""The part of result versions and keys that stands for weights, and for hyperparameters that are paths."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.data.checksums import checksum
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.installation import uses_checkpoint
from harness.plugins.registry import Registered

if TYPE_CHECKING:
    from harness.fields.types import Json
    from harness.forecasters.weights.declared import Weights

Forecasters = Mapping[str, Registered[ForecasterSpec]]  # those of a catalog
NOT_FETCHED = "not fetched"  # instead of a hash
NOT_FOUND = "not found"


def weights_of(name: str, forecasters: Forecasters, parameters: Mapping[str, Json] | None = None) -> dict[str, Weights]:
    """The weights of a forecaster and of the components that its card names, by forecaster.

    Without its own if its hyperparameters name a checkpoint.
    """
    spec, names = forecasters[name].spec, [name]
    if spec.card is not None and spec.card.components:
        from harness.forecasters.pretraining import with_components

        names = sorted(with_components(name, {each: entry.spec for each, entry in forecasters.items()}))
    if uses_checkpoint(spec, parameters or {}):
        names.remove(name)
    specs = {each: forecasters[each].spec for each in names if each in forecasters}
    return {each: spec.weights for each, spec in specs.items() if spec.weights is not None}


def weights_digests(weights: Mapping[str, Weights]) -> dict[str, str]:
    """The hash of the weights of each forecaster as they were fetched."""
    if not weights:
        return {}
    from harness.forecasters.weights.store import weights_digest

    return {name: weights_digest(each) or NOT_FETCHED for name, each in weights.items()}


def absolute_paths(spec: ForecasterSpec, parameters: Mapping[str, Json]) -> dict[str, Json]:
    """The hyperparameters, of which those that are paths begin at the root of the file system."""
    paths = {
        name: os.path.abspath(os.path.expanduser(path))
        for name in spec.paths
        if isinstance(path := parameters.get(name), str) and path
    }
    return {**parameters, **paths}


def contents_of(names: Iterable[str], parameters: Mapping[str, Json]) -> dict[str, str]:
    """The hash of the file or folder of each hyperparameter that is a path; `names` are `ForecasterSpec.paths`."""
    paths = {name: path for name in names if isinstance(path := parameters.get(name), str) and path}
    return {name: _content(Path(path)) for name, path in paths.items()}


def _content(path: Path) -> str:
    """A hash of a file, or of the names and hashes of all files of a folder but hidden ones."""
    try:
        if path.is_dir():
            lines = [f"{checksum(file)} {file.relative_to(path).as_posix()}" for file in _files(path)]
            return hashlib.sha256("\n".join(lines).encode()).hexdigest()
        return checksum(path)
    except OSError:  # the forecaster tells what is wrong when it is run
        return NOT_FOUND


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.startswith("."))
