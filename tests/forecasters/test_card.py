"""Cards: what may be stated, comparable names and dates, pools, and the training data of components."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import BadInput, Card, Context, FittedLocalForecaster, Floats, ForecasterSpec, LocalForecaster, TrainedOn
from harness.boards.pools import forecaster_pools, known_pool, pool
from harness.forecasters.card import comparable_names, reaches
from harness.forecasters.pretraining import Pretraining, component_problems, pretraining
from harness.plugins.catalog import load_catalog
from harness.results.training import Training


class Local(LocalForecaster):  # only what kind of class it is matters
    def predict_series(self, context: Context) -> Floats:
        raise AssertionError("nothing is forecast here")


class Fitted(FittedLocalForecaster):
    def fit_series(self, context: Context) -> object:
        raise AssertionError("nothing is forecast here")

    def predict_windows(self, state: Any, contexts: Any) -> Any:
        raise AssertionError("nothing is forecast here")


class Global:
    def fit(self, train: Any) -> None:
        raise AssertionError("nothing is forecast here")

    def predict(self, contexts: Any) -> Any:
        raise AssertionError("nothing is forecast here")


def spec(name: str, factory: Any = Global, **fields: Any) -> ForecasterSpec:
    return ForecasterSpec(name, factory, **fields)


def specs(*made: ForecasterSpec) -> dict[str, ForecasterSpec]:
    return {each.name: each for each in made}


class TestCard:
    def test_a_text_is_the_name_of_a_dataset(self) -> None:
        card = Card(trained_on=["M4", TrainedOn("ETTh1", until="2017")])  # type: ignore[arg-type]

        assert card.trained_on == ("M4", TrainedOn("ETTh1", until="2017"))
        assert card.datasets == (TrainedOn("M4"), TrainedOn("ETTh1", until="2017"))

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"trained_on": "M4"}, r"Card: trained_on must be a list such as \['M4'\], not 'M4'"),
            ({"trained_on": (3,)}, r"Card: trained_on\[0\] must be a TrainedOn or a text, not 3"),
            ({"trained_until": "soon"}, "Card: trained_until must be a date such as 2024-06-30, not 'soon'"),
            ({"trained_until": 2024}, "Card: trained_until must be a text, not 2024"),
            ({"parameters": "many"}, "Card: parameters must be a whole number, not 'many'"),
            ({"parameters": 0}, "Card: parameters must be at least 1, not 0"),
            ({"horizon": 1.5}, "Card: horizon must be a whole number, not 1.5"),
            ({"selected_on": "train"}, "Card: selected_on must be 'nothing' or 'validation' or 'test', not 'train'"),
            ({"covariates": ["known"]}, r"Card: covariates\[0\] must be 'past covariate' or .*, not 'known'"),
            ({"quantile_levels": [0.9, 0.1]}, "Card: quantile_levels must rise between 0 and 1, not 0.9, 0.1"),
            ({"components": "zero"}, r"Card: components must be a list such as \['zero'\], not 'zero'"),
        ],
    )
    def test_what_does_not_fit_is_named(self, fields: dict[str, Any], problem: str) -> None:
        with pytest.raises(BadInput, match=problem):
            Card(**fields)

    @pytest.mark.parametrize("date", ["2024-13", "June", "2024-06-31", ""])
    def test_a_dataset_is_used_until_a_date(self, date: str) -> None:
        with pytest.raises(BadInput, match="TrainedOn: until must be a date such as 2024-06-30, not "):
            TrainedOn("M4", until=date)

    @pytest.mark.parametrize("field", [{"card": {"checkpoint": "org/model"}}, {"pool": "zeroshot"}])
    def test_a_spec_with_something_else_is_refused(self, field: dict[str, Any]) -> None:
        catalog = load_catalog({"odd": plugin(spec("odd", **field))})

        assert "odd" not in catalog.forecasters
        (name,) = field
        assert any(f"{name} of forecaster 'odd' must be " in problem for problem in catalog.problems)


def plugin(*made: ForecasterSpec) -> object:
    from harness import hookimpl

    class Plugin:
        @hookimpl
        def harness_forecasters(self) -> list[ForecasterSpec]:
            return list(made)

    return Plugin()


class TestNames:
    @pytest.mark.parametrize("name", ["M4 Hourly", "m4-hourly", "M4_HOURLY", " m4hourly"])
    def test_case_spaces_hyphens_and_underscores_make_no_difference(self, name: str) -> None:
        assert comparable_names(name) == comparable_names("m4-hourly")

    def test_other_characters_do(self) -> None:
        assert not comparable_names("ETTh1", "ETTh2") & comparable_names("ETTm1", "ETT.h1")


class TestDates:
    @given(
        st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-01-01")),
        st.datetimes(min_value=pd.Timestamp("1700-01-01"), max_value=pd.Timestamp("2200-01-01")),
        st.sampled_from([("%Y", "Y"), ("%Y-%m", "M"), ("%Y-%m-%d", "D"), ("%Y-%m-%d %H:%M", "min")]),
        st.booleans(),
    )
    def test_a_date_reaches_to_its_end_as_a_period_of_pandas_does(
        self, date: Any, time: Any, precision: tuple[str, str], near: bool
    ) -> None:
        form, freq = precision
        time = date if near else time
        text, first = pd.Timestamp(date).strftime(form), pd.Timestamp(time).floor("s")

        assert reaches(text, first.strftime("%Y-%m-%dT%H:%M:%S")) == (pd.Period(text, freq=freq).end_time >= first)

    @pytest.mark.parametrize(
        ("training", "period", "overlaps"),
        [
            (Training(until="2024-06", dated=True), ("2024-06-30", "2024-07-05"), True),
            (Training(until="2024-06", dated=True), ("2024-07-01", "2024-07-05"), False),
            (Training(until="2024-06"), ("2024-07-01", "2024-07-05"), None),  # other training data has no date
            (Training(until="2024-06"), ("2024-06-30", "2024-07-05"), True),
            (Training(), ("2024-06-30", "2024-07-05"), None),
            (Training(until="2024-06", dated=True), None, None),
            (Training(dated=True, selected_on="test"), ("2024-06-30", "2024-07-05"), False),  # no training data at all
            (Training(dated=True, selected_on="test"), None, False),
        ],
    )
    def test_overlap_by_date_is_known_where_dates_are(self, training: Training, period: Any, overlaps: Any) -> None:
        assert training.overlaps_by_date(period) is overlaps


class TestPools:
    @pytest.mark.parametrize(
        ("made", "expected"),
        [
            (spec("a", Local), "local"),
            (spec("a", Fitted), "local"),
            (spec("a", Global), "trained"),
            (spec("a", Local, pool="trained"), "trained"),
            (spec("a", Local, trained_on=("M4",)), "zero-shot"),
            (spec("a", Global, card=Card(checkpoint="org/model")), "zero-shot"),
            (spec("a", Global, card=Card(trained_on=("M4",))), "zero-shot"),
            (spec("a", Global, card=Card(checkpoint="org/model", components=("b",))), "system"),
            (spec("a", Local, card=Card(licence="MIT")), "local"),
            (spec("a", Local, card=Card(selected_on="test")), "local"),
            (spec("a", Local, card=Card(trained_until="2024")), "zero-shot"),
            (spec("a", partial(partial(Local))), "local"),
            (spec("a", partial(Global)), "trained"),
            (spec("a", lambda: Local()), "trained"),  # the class is not known before it is called
            (spec("a", "harness_models.ets:Ets"), "local"),
        ],
    )
    def test_it_is_derived_where_it_is_not_stated(self, made: ForecasterSpec, expected: str) -> None:
        assert pool(made) == expected

    def test_it_is_unknown_where_an_import_would_be_needed(self) -> None:
        assert known_pool(spec("a", "no.such.module:Model")) is None
        assert known_pool(spec("a", "no.such.module:Model", trained_on=("M4",))) == "zero-shot"
        assert known_pool(spec("a", Local)) == "local"

    def test_one_that_cannot_be_imported_has_none(self) -> None:
        catalog = load_catalog({"odd": plugin(spec("broken", "no.such.module:Model"), spec("fine", Local))})

        assert forecaster_pools(["broken", "fine", "naive"], catalog) == {"fine": "local", "naive": "local"}

    def test_every_included_forecaster_states_its_pool(self) -> None:
        included = [
            entry.spec
            for name, entry in load_catalog().forecasters.items()
            if entry.plugin.included and ":" not in name
        ]

        pools = {kind: {each.name for each in included if each.pool == kind} for kind in ("local", "trained", None)}

        assert pools["local"] == {
            *("naive", "seasonal-naive", "drift", "mean"),
            *("arima", "auto-arima", "autoreg", "ets", "theta"),
            *("comb", "dynamic-optimized-theta", "median-ensemble", "mstl"),
            *("croston", "sba", "tsb"),
        }
        assert {"ridge", "gradient-boosting", "lstm", "free-rnn"} <= pools["trained"]
        assert not pools[None]


class TestComponents:
    def test_training_data_dates_and_selection_are_inherited_recursively(self) -> None:
        known = specs(
            spec("a", card=Card(trained_on=("M4",), trained_until="2023-06")),
            spec("b", trained_on=("ETTh1",), card=Card(trained_until="2023", selected_on="test")),
            spec("inner", card=Card(components=("a", "local"))),
            spec("outer", card=Card(components=("inner", "b"), selected_on="validation")),
            spec("local"),
        )

        assert pretraining("inner", known) == Pretraining((TrainedOn("M4"),), "2023-06", True, None)
        found = pretraining("outer", known)
        assert found is not None
        assert set(found.datasets) == {TrainedOn("M4"), TrainedOn("ETTh1")}
        assert (found.until, found.selected_on) == ("2023", "test")  # all of 2023 ends after June
        assert pretraining("local", known) is None

    @pytest.mark.parametrize(
        ("card", "until", "dated"),
        [
            (Card(checkpoint="org/model"), None, False),
            (Card(trained_on=(TrainedOn("A", until="2020"), TrainedOn("B", until="2021-05"))), "2021-05", True),
            (Card(trained_on=(TrainedOn("A", until="2020"), "B")), "2020", False),
            (Card(trained_on=(TrainedOn("A", until="2022"), "B"), trained_until="2021"), "2022", True),
        ],
    )
    def test_the_last_date_is_known_where_all_training_data_is_dated(
        self, card: Card, until: str | None, dated: bool
    ) -> None:
        found = pretraining("a", specs(spec("a", card=card)))

        assert found is not None
        assert (found.until, found.dated) == (until, dated)

    @pytest.mark.parametrize("kind", ["nothing", "validation", "test"])
    def test_a_selection_alone_is_no_training_data(self, kind: Any) -> None:
        known = specs(
            spec("tuned", Local, card=Card(selected_on=kind)),
            spec("mix", Local, card=Card(components=("tuned", "dated"))),
            spec("dated", card=Card(trained_until="2020")),
        )

        assert pretraining("tuned", known) == Pretraining(dated=True, selected_on=kind)
        assert pretraining("mix", known) == Pretraining((), "2020", True, kind)

    def test_unknown_components_and_cycles_are_reported_in_a_sentence_each(self) -> None:
        known = specs(
            spec("lost", card=Card(components=("nil", "a"))),
            spec("a", card=Card(components=("b",), trained_on=("M4",))),
            spec("b", card=Card(components=("a",))),
            spec("fine", card=Card(components=("lost",))),
        )

        problems = component_problems(known)

        assert problems.keys() == {"lost", "a", "b"}
        assert problems["lost"].startswith("the card of forecaster 'lost' names the components 'nil', which no plugin")
        assert "makes it a component of itself (a → b → a)" in problems["a"]
        assert pretraining("fine", known) == Pretraining((TrainedOn("M4"),))  # dates are unknown

    def test_the_training_data_of_unknown_components_is_unknown(self) -> None:
        known = specs(
            spec("dated", card=Card(trained_until="2020")),
            spec("both", card=Card(components=("dated", "nil"))),
            spec("none", card=Card(components=("nil",))),
        )

        assert pretraining("both", known) == Pretraining(until="2020", dated=False)
        assert pretraining("none", known) == Pretraining()
