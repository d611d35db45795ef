"""The hints on how to mend a forecaster that fails a check."""

from __future__ import annotations

import pytest

from harness.forecasters.spec import ForecasterSpec
from harness.plugins.checks.capabilities import COVARIATES, QUANTILES, SEASON, TARGETS
from harness.plugins.checks.forecasters import SAME_SEED, ForecasterChecks
from harness.plugins.checks.hints import hint
from harness.plugins.checks.makers import InProcessMaker

SPEC = ForecasterSpec("trial", "harness_models.naive:Naive", depends=("numpy",))
NAMES = ForecasterChecks(SPEC, InProcessMaker(SPEC), strict=True).names
FALLBACK = hint("no check")


@pytest.mark.parametrize("name", NAMES)
def test_each_check_has_a_hint_of_its_own(name: str) -> None:
    assert not hint(name).startswith(FALLBACK.partition(".")[0])


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("in strict mode as otherwise")])
def test_a_difference_in_strict_mode_is_no_task_that_is_not_supported(name: str) -> None:
    assert "from its own context" in hint(name)
    assert "Unsupported" not in hint(name)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (QUANTILES, "quantiles=True"),
        (COVARIATES, "covariates=("),
        (TARGETS, "multivariate=True"),
        (SEASON, "needs_season=True"),
    ],
)
def test_what_the_spec_states_is_mended_in_the_spec(name: str, field: str) -> None:
    assert "ForecasterSpec" in hint(name)
    assert field in hint(name)


TASK = "forecasts with quantile levels"
WINDOW = "3 of 9 windows: NaN or infinite values in series '0' at cutoff 86"


@pytest.mark.parametrize(
    ("name", "detail", "part"),
    [
        (
            TASK,
            "failed: every window: AttributeError: no (model.py, line 7, in fit)",
            "look at line 7 of model.py, in fit",
        ),
        ("forecasts several series", WINDOW, "where NaN or infinite values come from"),
        ("forecasts series with missing values", WINDOW, "missing='interpolate'"),
        (
            TASK,
            "invalid: the mean must have the shape (window, horizon, target) = (1, 4, 1), not (4, 1)",
            "of the shape",
        ),
        (TASK, "invalid: quantiles cross in series '0' at cutoff 78, at step 1", "np.sort(quantiles, axis=-1)"),
        (TASK, "unknown", "contexts.quantile_levels"),
        (SAME_SEED, "AttributeError: no (model.py, line 7, in fit)", "look at line 7 of model.py, in fit"),
        (SAME_SEED, "two runs with seed 0 differ", "seeds with the field `seed`"),
    ],
)
def test_the_hint_is_on_the_kind_of_failure(name: str, detail: str, part: str) -> None:
    assert part in hint(name, detail)
