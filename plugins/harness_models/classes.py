"""Baselines for categorical targets: the frequencies of classes, the last class, and Markov chains.

All learn from the training data of all series together. A class that the training data does not contain has a positive
probability in each of them. Missing values are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness import Contexts, Floats, Forecast, Ints, TrainingData, Unsupported

NOT_CATEGORICAL = "it forecasts classes, and the targets of the task are numeric"
MOST_PROBABILITIES = 10_000_000  # in the table of a Markov chain


@dataclass
class MajorityClass:
    """The frequencies of the classes in the training data, at every step ahead; the majority class is most probable.

    `pseudocount` is added to the count of each class. Covariates are ignored.
    """

    pseudocount: float = 0.5

    def __post_init__(self) -> None:
        _check_positive("pseudocount", self.pseudocount)

    def fit(self, train: TrainingData) -> None:
        """Counts the classes."""
        check_categorical(train)
        self.frequencies_ = frequencies(train, self.pseudocount)

    def predict(self, contexts: Contexts) -> Forecast:
        """The frequencies."""
        shape = (len(contexts), contexts.horizon, *self.frequencies_.shape)
        return Forecast.from_probabilities(np.broadcast_to(self.frequencies_, shape))


@dataclass
class LastClass:
    """The last observed class, with the probability that a class persists for as many steps in the training data.

    The other classes share the rest by their frequencies. The last class is at least slightly more probable than any
    other. `pseudocount` is added to the counts of steps at which a class persists, and does not. Covariates are
    ignored.
    """

    pseudocount: float = 0.5

    def __post_init__(self) -> None:
        _check_positive("pseudocount", self.pseudocount)

    def fit(self, train: TrainingData) -> None:
        """Counts how often a class persists, for each step ahead."""
        check_categorical(train)
        self.frequencies_ = frequencies(train, self.pseudocount)
        steps = range(train.gap + 1, train.gap + train.horizon + 1)
        self.persistence_ = np.stack([self._persistence(train, step) for step in steps])  # (horizon, target)

    def _persistence(self, train: TrainingData, step: int) -> Floats:
        """How often the class of a step is the one of so many steps before, (target,)."""
        same, count = np.full(len(train.panel.targets), self.pseudocount), 2 * self.pseudocount
        counts = np.full_like(same, count)
        for first, last in zip(train.panel.offsets[:-1], train.panel.offsets[1:], strict=True):
            values = train.panel.target_values[first:last]
            later, earlier = values[step:], values[: max(len(values) - step, 0)]
            same += (later == earlier).sum(axis=0)
            counts += (~np.isnan(later - earlier)).sum(axis=0)
        return same / counts

    def predict(self, contexts: Contexts) -> Forecast:
        """The last class and the rest; the frequencies where no class is known."""
        targets, classes = self.frequencies_.shape
        probabilities = np.empty((len(contexts), contexts.horizon, targets, classes))
        last = last_classes(contexts.filled("ffill"), 1)[:, -1]  # (window, target)
        for target in range(targets):
            rest = np.tile(self.frequencies_[target], (classes + 1, 1))  # by last class; the last row of none
            rest[np.arange(classes), np.arange(classes)] = 0
            rest /= rest.sum(axis=1, keepdims=True)
            largest = rest[:-1].max(axis=1)
            stays = np.maximum(self.persistence_[:, target, None], largest / (1 + largest) + 1e-9)  # (horizon, class)
            by_class = np.concatenate([(1 - stays)[..., None] * rest[:-1], rest[None, -1:].repeat(len(stays), 0)], 1)
            by_class[:, np.arange(classes), np.arange(classes)] = stays
            probabilities[:, :, target] = by_class.transpose(1, 0, 2)[last[:, target]]
        return Forecast.from_probabilities(probabilities)


@dataclass
class MarkovChain:
    """A Markov chain: the class depends on the `order` classes before it.

    The probabilities of a class after k others are (n(class) + a q) / (n + a), where n counts what followed these in
    the training data, a is the `pseudocount` and q is the probability after the last k − 1 of them (MacKay & Peto 1995,
    A hierarchical Dirichlet language model, eq. 20); q is uniform where none is known. Further steps are the exact
    marginals of the chain. Where fewer classes are known before a cutoff, a chain of a lower order is used. Targets are
    independent, and covariates are ignored.
    """

    order: int = 1
    pseudocount: float = 1.0

    def __post_init__(self) -> None:
        if self.order < 1:
            raise ValueError(f"order must be at least 1, not {self.order}")
        _check_positive("pseudocount", self.pseudocount)

    def fit(self, train: TrainingData) -> None:
        """Counts the classes that follow each sequence of classes, of every length up to the order."""
        check_categorical(train)
        size = train.classes ** (self.order + 1)
        if size > MOST_PROBABILITIES:
            raise Unsupported(
                f"a Markov chain of order {self.order} over {train.classes} classes has {size:,} probabilities, more "
                f"than {MOST_PROBABILITIES:,}; choose a lower order"
            )
        self.tables_ = [self._tables(train, target) for target in range(len(train.panel.targets))]

    def _tables(self, train: TrainingData, target: int) -> list[Floats]:
        """The probabilities of the next class by the last k, (classes ** k, class), for each k up to the order."""
        count = class_counts(train)[target]
        tables: list[Floats] = []
        lower = np.zeros((1, train.classes))
        lower[0, :count] = 1 / count
        for length in range(self.order + 1):
            counts = _counts(train, target, length)
            base = np.tile(lower, (len(counts) // len(lower), 1))
            lower = (counts + self.pseudocount * base) / (counts.sum(axis=1, keepdims=True) + self.pseudocount)
            tables.append(lower)
        return tables

    def predict(self, contexts: Contexts) -> Forecast:
        """The marginal probabilities at each step ahead."""
        classes = self.tables_[0][0].shape[1]
        last = last_classes(contexts, self.order)  # (window, order, target)
        probabilities = np.empty((len(contexts), contexts.horizon, len(self.tables_), classes))
        for target, tables in enumerate(self.tables_):
            known = self._known(last[:, :, target], classes)
            for length in np.unique(known).tolist():
                windows = np.flatnonzero(known == length)
                codes = _codes(last[windows, self.order - length :, target], classes)
                steps = _marginals(tables, length, contexts.gap + contexts.horizon)[contexts.gap :]
                probabilities[windows, :, target] = np.stack([table[codes] for table in steps], axis=1)
        return Forecast.from_probabilities(probabilities)

    def _known(self, last: Ints, classes: int) -> Ints:
        """How many of the last classes of each window are known without a gap, (window,)."""
        return np.asarray(np.cumprod(last[:, ::-1] < classes, axis=1).sum(axis=1))


def _marginals(tables: list[Floats], length: int, steps: int) -> list[Floats]:
    """The probabilities 1 to `steps` steps ahead by the last `length` classes, (classes ** length, class) each."""
    order, classes, table = len(tables) - 1, tables[0].shape[1], tables[length]
    if length < order and steps > 1:  # the next step depends on one class more
        longer = _marginals(tables, length + 1, steps - 1)
        return [table, *(np.einsum("xc,xcd->xd", table, ahead.reshape(-1, classes, classes)) for ahead in longer)]
    marginals = [table]
    for _ in range(steps - 1):
        ahead = marginals[-1].reshape(-1, classes, classes)  # (the last classes but the first, next class, class)
        by_first = table.reshape(classes, -1, classes)  # (first class, the others, next class)
        marginals.append(np.einsum("fxc,xcd->fxd", by_first, ahead).reshape(len(table), classes))
    return marginals


def _counts(train: TrainingData, target: int, length: int) -> Floats:
    """How often each class follows each sequence of so many classes, (classes ** length, class)."""
    classes, total = train.classes, np.zeros(train.classes ** (length + 1))
    for first, last in zip(train.panel.offsets[:-1], train.panel.offsets[1:], strict=True):
        values = train.panel.target_values[first:last, target]
        if len(values) > length:
            parts = np.lib.stride_tricks.sliding_window_view(values, length + 1)
            codes = _codes(parts[~np.isnan(parts).any(axis=1)].astype(np.int64), classes)
            total += np.bincount(codes, minlength=len(total)).astype(np.float64)
    return total.reshape(-1, classes)


def _codes(sequences: Ints, classes: int) -> Ints:
    """One number for each sequence of classes, (sequence, length): its digits in base `classes`."""
    return np.asarray(sequences @ classes ** np.arange(sequences.shape[1])[::-1])


def frequencies(train: TrainingData, pseudocount: float) -> Floats:
    """The frequencies of the classes of each target in the training data, (target, class)."""
    counts = np.zeros((len(train.panel.targets), train.classes))
    for target, count in enumerate(class_counts(train)):
        counts[target] = _counts(train, target, 0)[0]
        counts[target, :count] += pseudocount
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def class_counts(train: TrainingData) -> list[int]:
    """The number of classes of each target."""
    return [len(train.panel.channels[i].categories or ()) for i in train.panel.targets]


def last_classes(contexts: Contexts, length: int) -> Ints:
    """The last `length` classes before each cutoff, (window, length, target); `contexts.classes` of an unknown one."""
    past = contexts.last_targets(length)
    return np.where(np.isnan(past), contexts.classes, past).astype(np.int64)


def check_categorical(train: TrainingData) -> None:
    """Raise Unsupported for numeric targets."""
    if not train.classes:
        raise Unsupported(NOT_CATEGORICAL)


def _check_positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be positive, not {value}")
