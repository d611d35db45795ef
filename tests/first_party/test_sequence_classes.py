"""The dataset of whole sequences: its form, and its best possible error against estimates of other kinds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

import harness_leaderboards
from harness import Panel, Task, evaluate
from harness.boards.leaderboard import read_leaderboard
from harness.tasks.folds import backtest
from harness_datasets import sequences
from harness_models.neural.classes import SPECS

BOARD = Path(harness_leaderboards.__file__).parent / "sequence-classes" / "leaderboard.toml"
CLASSES = len(sequences.CLASSES)


@pytest.fixture(scope="module")
def panel() -> Panel:
    return sequences.sequence_classes()


@pytest.fixture(scope="module")
def task() -> Task:
    return read_leaderboard(BOARD).tasks[0]


def test_only_the_last_row_has_a_class(panel: Panel) -> None:
    tables = panel.values.reshape(len(panel), 11, 4)

    assert (panel.lengths == 11).all()
    assert np.isnan(tables[:, :-1, 0]).all()
    assert np.isnan(tables[:, -1, 1:]).all()
    assert np.bincount(tables[:, -1, 0].astype(int)).min() > 0.9 * len(panel) / CLASSES


def test_the_board_trains_on_500_sequences(panel: Panel, task: Task) -> None:
    fold = next(backtest(task, panel).folds())

    assert set(fold.train.panel.static["part"]) == {"training"}
    assert (len(fold.train.panel), len(fold.windows)) == (500, 4000)
    assert {name.split("-")[0] for name in fold.windows.contexts.ids} == {"held"}


def test_the_posterior_is_that_of_normal_distributions() -> None:
    observed = np.random.default_rng(0).normal(size=(50, sequences.STEPS, sequences.CHANNELS))
    densities = [
        stats.multivariate_normal(mean.ravel(), sequences.NOISE**2 * np.eye(mean.size)).pdf(observed.reshape(50, -1))
        for mean in sequences.means()
    ]

    expected = np.array(densities).T / np.sum(densities, axis=0)[:, None]

    np.testing.assert_allclose(sequences.posterior(observed), expected, rtol=1e-9)


def test_the_best_error_and_log_loss_are_those_of_the_posterior() -> None:
    rng, count = np.random.default_rng(7), 200_000
    classes = rng.integers(CLASSES, size=count)
    noise = sequences.NOISE * rng.normal(size=(count, sequences.STEPS, sequences.CHANNELS))

    found = sequences.posterior(sequences.means()[classes] + noise)

    for values, best in (
        (found.argmax(axis=1) != classes, sequences.best_error()),
        (-np.log(found[np.arange(count), classes]), sequences.best_log_loss()),
    ):
        assert values.mean() == pytest.approx(best, abs=4 * values.std() / math.sqrt(count))
    # the expectation of the posterior itself has the same mean as the error, and less noise
    assert 1 - found.max(axis=1).mean() == pytest.approx(sequences.best_error(), abs=2e-4)


def test_the_best_error_is_the_integral_of_orthogonal_signals() -> None:
    products = np.einsum("itc,jtc->ij", sequences.means(), sequences.means())
    distance = math.sqrt(products[0, 0]) / sequences.NOISE

    def correct(score: float) -> float:
        return float(stats.norm.pdf(score - distance) * stats.norm.cdf(score) ** (CLASSES - 1))

    np.testing.assert_allclose(products, products[0, 0] * np.eye(CLASSES), atol=1e-10)
    assert sequences.best_error() == pytest.approx(1 - integrate.quad(correct, -10, 14)[0], abs=1e-9)


def test_its_descriptions_say_the_best_error(task: Task) -> None:
    description = " ".join(read_leaderboard(BOARD).description.split())

    assert f"error than {100 * sequences.best_error():.2f} %" in description
    assert f"accuracy of {100 - 100 * sequences.best_error():.2f} %" in description
    assert f"log loss than {sequences.best_log_loss():.4f} nats" in description


def test_a_dense_network_is_close_to_the_best_error(panel: Panel, task: Task) -> None:
    entry = next(entry for entry in read_leaderboard(BOARD).forecasters if entry.name == "class-dense")
    spec = next(spec for spec in SPECS if spec.name == entry.name)

    run = evaluate(spec.make(dict(entry.parameters), seed=0), task, panel)

    assert sequences.best_error() <= 1 - run.scores["accuracy"] < 0.03
    assert sequences.best_log_loss() <= run.scores["log loss"] < 0.1
