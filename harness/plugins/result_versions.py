"""The result version of a forecaster: the part of a cell's key that stands for its code and its spec."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from harness.errors import Failure, attempt
from harness.forecasters.described import DescribedFactory
from harness.forecasters.spec import ForecasterSpec
from harness.plugins.environments.plugins import environment_of
from harness.plugins.forecaster_names import AT
from harness.plugins.registry import Registered
from harness.plugins.weights_versions import NOT_FETCHED, weights_digests, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.fields.types import Json
    from harness.plugins.discovery import Plugin

NOT_INSTALLED = "not installed"  # instead of a version

Forecasters = Mapping[str, Registered[ForecasterSpec]]  # those of a catalog


def forecaster_version(name: str, forecasters: Forecasters, parameters: Mapping[str, Json] | None = None) -> str:
    """The version of the plugin, and a hash of all that could change the forecaster's results.

    That is what `code_version` says, and the hashes of the weights that were fetched for it and its components; not of
    its own if the hyperparameters name a checkpoint.
    """
    version = code_version(name, forecasters)
    weights = weights_digests(weights_of(name, forecasters, parameters))
    if not weights:
        return version
    head, _, tail = version.rpartition(":")
    digest, at, environment = tail.partition(AT)
    return f"{head}:{_digest([digest, list(weights.values())])}{at}{environment}"


def known_version(name: str, forecasters: Forecasters, parameters: Mapping[str, Json] | None = None) -> str | None:
    """The result version of a forecaster; None while its weights, which are a part of it, are not fetched."""
    if NOT_FETCHED in weights_digests(weights_of(name, forecasters, parameters)).values():
        return None
    return forecaster_version(name, forecasters, parameters)


def code_version(name: str, forecasters: Forecasters) -> str:
    """The result version of a forecaster without its weights, which a process of an environment need not know.

    It is a hash of the source of its factory, see `harness.plugins.sources`; which object the factory is, and the
    arguments of a partial one; `depends`, `revision` and `missing` of the spec; the checkpoint and revision of its
    card; and the same of each component that its card names, and of their components. That of a forecaster of an
    environment is told by a process of it, and ends with the hash of the environment.
    """
    own = _own_version(forecasters[name])
    if isinstance(forecasters[name].spec.factory, DescribedFactory):  # components are in the version that it was told
        return own
    if components := _component_versions(name, forecasters):
        return f"{own.rpartition(':')[0]}:{_digest([own, components])}"
    return own


def version_parts(name: str, forecasters: Forecasters) -> dict[str, Any]:
    """What the result version of a forecaster is a hash of, as JSON values, with a hash for each file."""
    spec, plugin = forecasters[name].spec, forecasters[name].plugin
    if isinstance(spec.factory, DescribedFactory):
        return {**_parts_of_environment(spec.factory, plugin), **_weights_parts(name, forecasters)}
    place = _place(spec.factory)
    return {
        **_spec_parts(spec, place),
        "files": plugin.files.file_hashes(None if place is None else place[0]),
        "libraries": {
            **depended_versions(spec),
            **{library: version for library, _, version in (text.partition("==") for text in plugin.files.versions)},
        },
        "components": _component_versions(name, forecasters),
        **_weights_parts(name, forecasters),
    }


def _weights_parts(name: str, forecasters: Forecasters) -> dict[str, Any]:
    """The hashes of weights by forecaster; nothing where it has none."""
    weights = weights_digests(weights_of(name, forecasters))
    return {"weights": weights} if weights else {}


def _parts_of_environment(factory: DescribedFactory, plugin: Plugin) -> dict[str, Any]:
    """The parts that a process of the environment told, with the distributions and the Python of the environment."""
    environment, parts = environment_of(plugin), factory.description.parts
    libraries = {**(parts.get("libraries") or {}), **environment.versions, "Python": environment.python}
    return {**parts, "libraries": libraries}


def _component_versions(name: str, forecasters: Forecasters) -> dict[str, str | None]:
    """The own version of each component, theirs included, by name; None for one that no plugin provides."""
    card = forecasters[name].spec.card
    if card is None or not card.components:  # an import that most forecasters do not need
        return {}
    from harness.forecasters.pretraining import with_components

    found = with_components(name, {each: entry.spec for each, entry in forecasters.items()})
    return {each: _own_version(forecasters[each]) if each in forecasters else None for each in found - {name}}


@lru_cache(maxsize=1024)  # by identity: each forecaster of a catalog is hashed once
def _own_version(forecaster: Registered[ForecasterSpec]) -> str:
    """The result version of a forecaster without its components."""
    spec, plugin = forecaster.spec, forecaster.plugin
    if isinstance(spec.factory, DescribedFactory):
        return f"{spec.factory.description.version}@{environment_of(plugin).digest}"
    place = _place(spec.factory)
    digest = _digest(
        {
            **_spec_parts(spec, place),
            "source": plugin.files.source if place is None else plugin.files.source_of(place[0]),
            "depends": depended_versions(spec),
        }
    )
    return f"{plugin.distribution}=={plugin.version}:{digest}"


def _spec_parts(spec: ForecasterSpec, place: tuple[str, str] | None) -> dict[str, Any]:
    """What of a spec could change results."""
    return {
        "factory": None if place is None else place[1],
        "revision": spec.revision,
        "checkpoint": None if spec.card is None else [spec.card.checkpoint, spec.card.revision],
        "missing": spec.missing,
    }


def _digest(parts: object) -> str:
    """A hash of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def depended_versions(spec: ForecasterSpec) -> dict[str, str]:
    """The version of each distribution in `depends` of a spec, "not installed" where it is run without it."""
    if isinstance(factory := spec.factory, DescribedFactory):
        return {name: factory.version_of(name) or NOT_INSTALLED for name in spec.depends}
    return installed_versions(spec.depends)


def installed_versions(distributions: Iterable[str]) -> dict[str, str]:
    """The installed version of each distribution, "not installed" where there is none."""
    return {name: installed_version(name) for name in distributions}


def installed_version(distribution: str) -> str:
    """The installed version of a distribution, or "not installed"."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _place(factory: Callable[..., object] | str) -> tuple[str, str] | None:
    """The module of a factory, and a text that tells it from the others of this module.

    None for an object that is not found by its module and name, such as a lambda, and for a partial one with arguments
    that are not JSON values.
    """
    if isinstance(factory, str):
        return factory.partition(":")[0], factory
    if isinstance(factory, partial):
        place = _place(factory.func)
        arguments = attempt(lambda: json.dumps([factory.args, factory.keywords], sort_keys=True))
        return None if place is None or isinstance(arguments, Failure) else (place[0], f"{place[1]} {arguments}")
    module, name = getattr(factory, "__module__", None), getattr(factory, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str):
        return None
    found = attempt(partial(_object, module, name))
    return (module, f"{module}:{name}") if found == factory else None


def _object(module: str, name: str) -> Any:
    """The object of an imported module; raises KeyError or AttributeError where there is none."""
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part)
    return found
