"""The datasets of tokens: the entropy rate of the brackets, and the pairs of sequences."""

from __future__ import annotations

import datetime
import math
from itertools import product

import numpy as np
import pytest

from harness import Floats, Panel, RollingOrigin, Task, evaluate
from harness.tasks.folds import backtest
from harness_datasets import brackets, token_sequences
from harness_models.classes import MarkovChain

END = brackets.STOP


@pytest.fixture(scope="module")
def source() -> Panel:
    return brackets.dyck_words()


def word_so_far(tokens: list[int]) -> list[int]:
    return tokens[len(tokens) - tokens[::-1].index(END) :] if END in tokens else tokens


def true_log_loss(panel: Panel, task: Task) -> float:
    """The mean log loss of the true probabilities of the source on the windows of a task."""
    windows = backtest(task, panel).windows
    losses = []
    for series, cutoff, actuals in zip(windows.series, windows.cutoffs, windows.actuals[:, :, 0], strict=True):
        begin = panel.offsets[series]
        past = word_so_far(panel.values[begin : begin + cutoff, 0].astype(int).tolist())
        chances = brackets.marginal_probabilities(past, len(actuals))[np.arange(len(actuals)), actuals.astype(int)]
        losses.append(-np.log(chances).mean())
    return float(np.mean(losses))


class TestBrackets:
    def test_words_are_well_nested(self, source: Panel) -> None:
        stack: list[int] = []
        for token in source.values[:2000, 0].astype(int).tolist():
            if token < brackets.KINDS:
                stack.append(token)
            elif token < END:
                assert stack.pop() == token - brackets.KINDS
            else:
                assert not stack

    def test_the_entropy_rate_is_that_of_its_states(self) -> None:
        """Cover & Thomas 2006, theorem 4.2.4, where a state is the number of open brackets, or the start of a word."""
        depths = 400
        matrix, entropies = np.zeros((depths + 1, depths + 1)), np.zeros(depths + 1)
        start, opening = depths, math.log(2)
        matrix[start, 1], entropies[start] = 1, opening
        for depth in range(depths):
            leaves = brackets.CLOSE if depth else brackets.END
            matrix[depth, depth - 1 if depth else start] += leaves
            matrix[depth, min(depth + 1, depths - 1)] += 1 - leaves
            entropies[depth] = -leaves * math.log(leaves) - (1 - leaves) * math.log((1 - leaves) / 2)
        system = np.vstack([matrix.T - np.eye(depths + 1), np.ones(depths + 1)])
        stationary = np.linalg.lstsq(system, np.append(np.zeros(depths + 1), 1), rcond=None)[0]

        assert brackets.entropy_rate() == pytest.approx(stationary @ entropies, rel=1e-9)
        assert f"{brackets.entropy_rate():.4f}" == "0.9218"  # as its description says
        assert f"{math.exp(brackets.entropy_rate()):.3f}" == "2.514"

    def test_marginals_are_sums_over_all_continuations(self) -> None:
        def chance(past: list[int], token: int) -> float:
            """The probability of a next token by the rules of the source."""
            stack = []
            for each in word_so_far(past):
                if each < 2:
                    stack.append(each)
                else:
                    stack.pop()
            begins = not past or past[-1] == END
            leaves = brackets.CLOSE if stack else 0.0 if begins else brackets.END
            if token < 2:
                return (1 - leaves) / 2
            return leaves * (token == (2 + stack[-1] if stack else END))

        for past in ([], [0], [0, 1], [1, 0, 2], [0, 2]):
            expected = np.zeros((4, 5))
            for tokens in product(range(5), repeat=4):
                probability, before = 1.0, list(past)
                for token in tokens:
                    probability *= chance(before, token) if probability else 0
                    before.append(token)
                for step, token in enumerate(tokens):
                    expected[step, token] += probability
            np.testing.assert_allclose(brackets.marginal_probabilities(past, 4), expected, atol=1e-12)

    def test_the_board_states_the_best_log_losses(self, source: Panel) -> None:
        next_token, next_eight = Task("d", RollingOrigin(1, windows=500)), Task("d", RollingOrigin(8, windows=50))

        best = true_log_loss(source, next_token)

        assert f"{best:.4f}" == "0.9233"
        assert f"{true_log_loss(source, next_eight):.4f}" == "1.3989"
        assert best == pytest.approx(brackets.entropy_rate(), rel=0.01)
        assert evaluate(MarkovChain(4), next_token, source).scores["log loss"] > 1.15 * best


def text(values: Floats, names: tuple[str, ...]) -> list[str]:
    return [names[int(value)] for value in values if not np.isnan(value)]


class TestSequences:
    @pytest.mark.parametrize("name", ["reverse", "sort", "dates"])
    def test_outputs_follow_from_inputs_and_end(self, name: str) -> None:
        panel = getattr(token_sequences, name)()
        names = [channel.categories or () for channel in panel.channels]
        inputs = set()
        for rows in panel:
            output, source = text(rows[:, 0], names[0]), text(rows[:, 1], names[1])
            assert np.isnan(rows[: len(source), 0]).all()
            assert len(rows) == len(source) + 11
            assert output.pop() == "end"
            if name == "dates":
                date = "".join(source)
                formats = ("%d %B %Y", "%B %d, %Y", "%d.%m.%Y")
                form = formats[2 if "." in date else 1 if "," in date else 0]
                assert datetime.datetime.strptime(date, form).date().isoformat() == "".join(output)
            else:
                assert output == (source[::-1] if name == "reverse" else sorted(source))
            inputs.add("".join(source))
        assert len(inputs) == len(panel.ids) == 5000
