"""Notes of a run on covariates: they do not depend on the forecaster."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from harness import BadData, Channel, Contexts, Forecast, Panel, RollingOrigin, Task, TrainingData, Vintages
from harness.data.missing import Missing
from harness.evaluation import covariate_notes
from harness.evaluation.evaluate import evaluate

LENGTH, NAN = 20, np.nan
TASK = Task("trial", RollingOrigin(4, first_cutoff=10, windows=3, stride=2))  # cutoffs 10, 12 and 14
WEATHER = Channel("weather", "known covariate", certain=False)
SOLAR = Channel("solar", "past covariate", delay=3)


@dataclass
class Ignores:
    """Forecasts 0, whatever the covariates are."""

    def fit(self, train: TrainingData) -> None:
        pass

    def predict(self, contexts: Contexts) -> Forecast:
        return Forecast.point(np.zeros((len(contexts), contexts.horizon, len(contexts.targets))))


def panel_of(*channels: Channel, vintages: Vintages | None = None, lengths: tuple[int, ...] = (LENGTH,)) -> Panel:
    rng = np.random.default_rng(3)
    series = [rng.normal(size=(length, 1 + len(channels))) for length in lengths]
    given = {} if vintages is None else {"weather": vintages}
    return Panel.of(series, channels=(Channel("y"), *channels), vintages=given)


def notes(panel: Panel, task: Task = TASK, missing: Missing = "native") -> tuple[str, ...]:
    return evaluate(Ignores(), task, panel, missing=missing).notes


def with_value(panel: Panel, rows: list[int], channel: int, value: float = NAN) -> Panel:
    values = panel.values.copy()
    values[rows, channel] = value
    return panel.with_values(values)


class TestMissingKnownCovariates:
    @pytest.mark.parametrize(
        ("issued", "leads", "share"),
        [
            ([10, 12, 14], 3, "25 %"),  # one step of four is not reached
            ([10], 4, "50 %"),  # later cutoffs have two steps of it, and none
            ([12, 14], 4, "33.3 %"),
            ([], 0, "100 %"),
        ],
    )
    def test_the_share_of_steps_without_a_vintage_is_noted(self, issued: list[int], leads: int, share: str) -> None:
        vintages = Vintages.of([(issued, np.zeros((len(issued), leads))) if issued else ([], [])])

        found = notes(panel_of(WEATHER, vintages=vintages))

        assert found == (f"known covariate 'weather' is missing in {share} of the steps to forecast",)

    def test_vintages_that_reach_all_steps_are_not_noted(self) -> None:
        assert notes(panel_of(WEATHER, vintages=Vintages.of([([10, 12, 14], np.zeros((3, 4)))]))) == ()

    def test_a_missing_value_of_a_certain_covariate_is_noted(self) -> None:
        panel = panel_of(Channel("holiday", "known covariate"), Channel("price", "known covariate"))
        incomplete = with_value(panel, [10, 12], 2)  # row 10 is forecast once, row 12 twice

        assert notes(incomplete) == ("known covariate 'price' is missing in 25 % of the steps to forecast",)
        assert notes(incomplete, replace(TASK, covariates=("holiday",))) == ()

    def test_steps_of_the_gap_do_not_count(self) -> None:
        panel = with_value(panel_of(Channel("price", "known covariate")), [10, 11], 1)
        task = Task("trial", RollingOrigin(4, first_cutoff=10, windows=1, gap=2))

        assert notes(panel, task) == ()

    def test_missing_values_of_the_history_alone_are_not_noted(self) -> None:
        assert notes(with_value(panel_of(Channel("price", "known covariate")), [3, 5], 1)) == ()

    def test_many_windows_are_counted_batch_by_batch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(covariate_notes, "MOST_VALUES", 1)

        found = notes(panel_of(WEATHER, vintages=Vintages.of([([10], np.zeros((1, 4)))])))

        assert found == ("known covariate 'weather' is missing in 50 % of the steps to forecast",)


class TestDelays:
    @pytest.mark.parametrize(
        ("delay", "note"),
        [
            (3, "the last 3 values of 'solar' are not known at a cutoff; the last known value is used"),
            (1, "the last value of 'solar' is not known at a cutoff; the last known value is used"),
        ],
    )
    def test_values_that_are_filled_because_of_a_delay_are_no_missing_values(self, delay: int, note: str) -> None:
        panel = panel_of(replace(SOLAR, delay=delay))

        assert notes(panel, missing="interpolate") == (note,)
        assert notes(panel, missing="native") == ()

    def test_missing_values_are_noted_beside_a_delay(self) -> None:
        first, second = notes(with_value(panel_of(SOLAR), [4], 0), missing="ffill")

        assert first == "missing values of the history were filled: ffill"
        assert second.startswith("the last 3 values of 'solar' are not known")

    def test_a_delay_that_hides_the_whole_history_of_some_windows_is_noted(self) -> None:
        found = notes(panel_of(replace(SOLAR, delay=12)))

        assert found == ("the delay of 'solar' hides all of its values in 66.7 % of the windows",)

    def test_a_delay_that_hides_all_values_of_all_series_is_refused(self) -> None:
        panel = panel_of(replace(SOLAR, delay=LENGTH), lengths=(LENGTH, LENGTH - 2))

        with pytest.raises(BadData, match="delay 20 of channel 'solar' hides all of its values: the longest"):
            evaluate(Ignores(), TASK, panel)
        assert notes(panel, replace(TASK, covariates=())) == ()

    def test_a_delay_that_is_shorter_than_one_series_is_not_refused(self) -> None:
        assert notes(panel_of(replace(SOLAR, delay=LENGTH), lengths=(LENGTH, LENGTH + 1)))
