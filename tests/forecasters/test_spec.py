"""A partial of a dataclass is a factory like the dataclass itself, of what is not given yet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from harness import Contexts, Forecast, ForecasterSpec, TrainingData


@dataclass
class Stochastic:
    """Forecasts by chance."""

    size: int = 1
    seed: int = 0

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        raise AssertionError("nothing is forecast here")


@pytest.mark.parametrize(
    ("factory", "takes_seed", "made"),
    [
        (Stochastic, True, Stochastic(1, 7)),
        (partial(Stochastic), True, Stochastic(1, 7)),
        (partial(Stochastic, size=3), True, Stochastic(3, 7)),
        (partial(partial(Stochastic), 3), True, Stochastic(3, 7)),
        (partial(Stochastic, seed=2), False, Stochastic(1, 2)),
        (partial(Stochastic, 3, 2), False, Stochastic(3, 2)),
    ],
)
def test_a_seed_is_given_to_a_factory_that_takes_one(factory: Any, takes_seed: bool, made: Stochastic) -> None:
    spec = ForecasterSpec("trial", factory)

    assert spec.takes_seed() is takes_seed
    assert spec.make({}, 7) == made


def test_a_partial_is_described_by_its_class() -> None:
    assert ForecasterSpec("trial", partial(partial(Stochastic), size=3)).summary == "Forecasts by chance."


def test_a_hyperparameter_of_a_partial_may_be_changed() -> None:
    assert ForecasterSpec("trial", partial(Stochastic, size=3)).make({"size": 5}, 7) == Stochastic(5, 7)
