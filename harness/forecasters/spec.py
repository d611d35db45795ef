"""ForecasterSpec: a forecaster as a plugin registers it. Loads nothing heavy; the factory is imported when needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from harness.errors import BadInput, BadParameter, attempt
from harness.fields.libraries import install_command
from harness.forecasters.covariate_kinds import COVARIATE_KINDS, CovariateKind
from harness.forecasters.described import DescribedFactory
from harness.forecasters.resources import Resources, resources_problem

if TYPE_CHECKING:
    from harness.data.missing import Missing
    from harness.fields.types import Json
    from harness.forecasters.card import Card
    from harness.forecasters.forecaster import Forecaster
    from harness.forecasters.pools import Pool
    from harness.forecasters.weights.declared import Weights

MOST_TOLERANCE = 1e-2  # of a spec
Batches = Literal["any", "cutoff", "window"]
SEVERAL_TARGETS = {True: "forecast together, each from all", False: "forecast one by one"}  # by `multivariate`


@dataclass(frozen=True, eq=False)
class ForecasterSpec:
    """A forecaster that a plugin provides.

    `factory` is a dataclass whose fields are the hyperparameters, or its import path
    ("package.module:Class"), so that listing it imports nothing.

        ForecasterSpec("moving-average", MovingAverage, description="the mean of the last values")
    """

    name: str
    factory: Callable[..., Forecaster] | str
    description: str = ""
    missing: Missing = "native"  # how missing values of the history are filled before it sees them
    draws: bool | None = None  # stochastic: it has a field `seed`; None: look at the factory
    imports: tuple[str, ...] = ()  # modules that it uses; imported before its time is measured
    resources: Resources = field(default_factory=Resources)
    trained_on: tuple[str, ...] = ()  # names of datasets that a pretrained model was trained on; added to the card's
    depends: tuple[str, ...] = ()  # distributions whose versions may change the results
    tolerance: float = 0.0  # largest relative difference of repeated forecasts with the same seed; 0: none
    revision: str = ""  # of what its source does not contain, such as the hash of a checkpoint
    card: Card | None = None  # of a pretrained model, or of a combination of forecasters
    batches: Batches = "any"  # what one call of predict holds: any windows, those of a point in time, or one window
    pool: Pool | None = None  # the forecasters that it is ranked with on request; None: by its card, or base class
    covariates: tuple[CovariateKind, ...] | None = None  # kinds that it can use; None: those of its card, or not stated
    quantiles: bool | None = None  # whether it can give quantiles; None: not stated
    multivariate: bool | None = None  # whether a target's forecasts depend on other targets; None: not stated
    needs_season: bool = False  # whether it is only for tasks with a season length above 1
    categorical: bool = False  # whether it can forecast the probabilities of classes, of categorical targets
    reusable: bool = False  # whether its `load_model` loads a pretrained model, which all of its cells can use
    per_series: bool | None = None  # whether each series is forecast without the others, bit by bit; None: by its class
    requires: str = ""  # the requirement of pip that installs the packages of `imports`; empty: their names
    weights: Weights | None = None  # of a pretrained model, which `harness weights fetch` downloads
    paths: tuple[str, ...] = ()  # hyperparameters that are paths of files or folders, whose content is part of the key

    @property
    def usable_covariates(self) -> tuple[CovariateKind, ...] | None:
        """The kinds of covariates that it can use, by the spec or its card; None where neither states it."""
        if self.covariates is None and self.card is not None:
            return self.card.covariates or None
        return self.covariates

    @property
    def install_command(self) -> str:
        """The command that installs the packages of `imports`; empty where all of them are installed."""
        return install_command(self.imports, self.requires)

    @property
    def summary(self) -> str:
        """The description, or else the first line of the factory's docstring, if it is imported."""
        if self.description or isinstance(self.factory, str | DescribedFactory):
            return self.description
        return (underlying_class(self.factory).__doc__ or "").strip().partition("\n")[0]

    def load(self) -> Callable[..., Forecaster]:
        """The factory itself, imported now; raises BadInput if it is an object instead of a class."""
        from harness.fields.references import import_object

        factory = import_object(self.factory)
        if problem := factory_problem(self.name, factory):
            raise BadInput(problem)
        return cast("Callable[..., Forecaster]", factory)

    def import_libraries(self) -> None:
        """Import `imports` and the factory; a library that cannot be imported fails again where it is used."""
        for name in self.imports:
            attempt(partial(import_module, name))
        self.load()

    def load_model(self, forecaster: Forecaster) -> bool:
        """Have a reusable forecaster load its pretrained model; returns whether it has one to load."""
        load: Any = getattr(forecaster, "load_model", None) if self.reusable else None
        if load is not None:
            load()
        return load is not None

    def takes_seed(self) -> bool:
        """Whether the forecaster is stochastic, and so runs once per seed."""
        if self.draws is not None:
            return self.draws
        return "seed" in self.parameter_names()

    def parameter_names(self) -> tuple[str, ...]:
        """The names of its hyperparameters, with `seed` if it takes one; its factory is imported for that."""
        return _parameters(self.load())

    def check_parameters(self, parameters: Mapping[str, Json]) -> None:
        """Raise BadParameter for hyperparameters that it does not take, which is made for that.

        Of a forecaster of an environment, which is not made in this process, only the names are checked.
        """
        if not isinstance(self.factory, DescribedFactory):
            self.make(parameters)
            return
        try:
            self.factory.check_names(parameters)
        except BadInput as error:
            raise BadParameter(f"forecaster {self.name!r}: {error}") from error

    def make(self, parameters: Mapping[str, Json], seed: int | None = None) -> Forecaster:
        """A forecaster with these hyperparameters; raises BadParameter for those it does not take."""
        from harness.fields.reading import build

        factory = self.load()
        if seed is not None and "seed" in parameters:
            raise BadParameter(f"forecaster {self.name!r}: leave out seed; a board sets the number of seeds")
        seeds = {"seed": seed} if "seed" in _parameters(factory) and seed is not None else {}
        try:
            if not dataclasses.is_dataclass(factory):
                return factory(**parameters, **seeds)
            return cast("Forecaster", build(cast("type[Any]", factory), {**parameters, **seeds}))
        except (TypeError, ValueError, BadInput) as error:
            raise BadParameter(f"forecaster {self.name!r}: {error}") from error


def underlying_class(factory: object) -> object:
    """The class of a partial one; any other factory as it is."""
    while isinstance(factory, partial):
        factory = factory.func
    return factory


def spec_problem(spec: ForecasterSpec) -> str:
    """Why a forecaster cannot be used as its spec describes it, as a sentence; empty if it can."""
    for argument, things in (
        ("depends", "distributions"),
        ("imports", "modules"),
        ("trained_on", "datasets"),
        ("paths", "hyperparameters"),
    ):
        if problem := _names_problem(getattr(spec, argument), things):
            return f"{argument} of forecaster {spec.name!r} {problem}"
    for argument in ("requires", "revision"):
        if not isinstance(getattr(spec, argument), str):
            return f"{argument} of forecaster {spec.name!r} must be a text, not {getattr(spec, argument)!r:.80}"
    if problem := tolerance_problem(spec.tolerance):
        return f"tolerance of forecaster {spec.name!r} {problem}"
    if not any(spec.batches == known for known in get_args(Batches)):
        known = " or ".join(map(repr, get_args(Batches)))
        return f"batches of forecaster {spec.name!r} must be {known}, not {spec.batches!r:.80}"
    if problem := resources_problem(spec.resources):
        return f"resources of forecaster {spec.name!r}: {problem}"
    return _capability_problem(spec) or factory_problem(spec.name, spec.factory) or _card_problem(spec)


def _capability_problem(spec: ForecasterSpec) -> str:
    """Why what it states of its capabilities cannot be used, as a sentence; empty if it can."""
    kinds: object = spec.covariates
    known = isinstance(kinds, tuple | list) and all(isinstance(kind, str) and kind in COVARIATE_KINDS for kind in kinds)
    if kinds is not None and not known:
        names = ", ".join(map(repr, COVARIATE_KINDS))
        return f"covariates of forecaster {spec.name!r} must be a tuple of some of {names}, not {kinds!r:.80}"
    stated: dict[str, tuple[bool | None, ...]] = {
        **dict.fromkeys(("quantiles", "multivariate", "per_series"), (True, False, None)),
        **dict.fromkeys(("needs_season", "categorical", "reusable"), (True, False)),
    }
    for name, values in stated.items():
        if not any(getattr(spec, name) is value for value in values):
            allowed = " or ".join(map(repr, values))
            return f"{name} of forecaster {spec.name!r} must be {allowed}, not {getattr(spec, name)!r:.80}"
    return ""


def _names_problem(names: object, things: str) -> str:
    """Why this cannot be a tuple of names of things, as the end of a sentence; empty if it can."""
    if isinstance(names, tuple | list) and all(isinstance(name, str) and name for name in names):
        return ""
    mend = f"; write ({names!r:.80},)" if isinstance(names, str) and names else ""
    return f"must be a tuple of names of {things}, not {names!r:.80}{mend}"


def tolerance_problem(tolerance: object) -> str:
    """Why this cannot be the tolerance of repeated forecasts, as the end of a sentence; empty if it can."""
    is_number = isinstance(tolerance, int | float) and not isinstance(tolerance, bool)
    if is_number and 0 <= cast("float", tolerance) <= MOST_TOLERANCE:
        return ""
    return (
        f"must be a number from 0 to {MOST_TOLERANCE:g}, not {tolerance!r:.80}: forecasts that differ by more are not "
        "reproducible"
    )


def factory_problem(name: str, factory: object) -> str:
    """Why this cannot be the factory of a forecaster, as a sentence; empty if it can or is an import path."""
    is_forecaster = hasattr(factory, "predict") and not isinstance(factory, type)
    if isinstance(factory, str) or (callable(factory) and not is_forecaster):
        return ""
    kind = type(factory).__name__
    wrong = f"the factory of forecaster {name!r} must be a class, not an object of type {kind}"
    return f"{wrong}; pass {kind} instead of {kind}(…)" if is_forecaster else wrong


def _card_problem(spec: ForecasterSpec) -> str:
    """Why its card, its weights or its pool cannot be used, as a sentence; empty if they can."""
    if spec.card is None and spec.pool is None and spec.weights is None:  # an import that most specs do not need
        return ""
    from harness.fields.errors import short_repr
    from harness.forecasters.card import Card
    from harness.forecasters.pools import POOLS
    from harness.forecasters.weights.declared import Weights

    if spec.weights is not None and not isinstance(spec.weights, Weights):
        return f"weights of forecaster {spec.name!r} must be Weights, not {short_repr(spec.weights)}"
    if spec.card is not None and not isinstance(spec.card, Card):
        return f"card of forecaster {spec.name!r} must be a Card, not {short_repr(spec.card)}"
    if spec.pool is not None and spec.pool not in POOLS:
        pools = " or ".join(map(repr, POOLS))
        return f"pool of forecaster {spec.name!r} must be {pools}, not {short_repr(spec.pool)}"
    return ""


def _parameters(factory: Callable[..., Forecaster]) -> tuple[str, ...]:
    """The hyperparameters of a dataclass, or those of a partial one that are not given yet."""
    if isinstance(factory, DescribedFactory):
        return factory.parameters
    if isinstance(factory, partial):
        left = _parameters(factory.func)[len(factory.args) :]
        return tuple(name for name in left if name not in factory.keywords)
    if not dataclasses.is_dataclass(factory):
        return ()
    return tuple(field.name for field in dataclasses.fields(factory) if field.init)
