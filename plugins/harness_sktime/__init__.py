"""harness_sktime: the forecasters of sktime, each named as `sktime:ThetaForecaster`."""

from __future__ import annotations

from harness import ForecasterSpec, hookimpl
from harness_sktime.names import DETERMINISTIC, FORECASTERS, LETTERS, MODULES_OF_OTHERS, REQUIREMENTS


@hookimpl
def harness_forecasters() -> list[ForecasterSpec]:
    """The forecasters of sktime; the library is imported when one of them is made."""
    return [_spec(name) for name in sorted(FORECASTERS)]


def _spec(name: str) -> ForecasterSpec:
    letters, others = LETTERS[name], MODULES_OF_OTHERS.get(name, ())
    requires = "" if others else "forecast-harness[sktime]"  # empty: the names of modules are those of requirements
    needs_others = "r" in letters  # mostly forecasters, which decide what it can do
    return ForecasterSpec(
        f"sktime:{name}",
        f"harness_sktime.forecasters:{name}",
        description=f"sktime's {name}, fitted to each series" + ("; has required hyperparameters" * needs_others),
        missing="interpolate",
        draws="s" in letters and name not in DETERMINISTIC,
        imports=("sktime.forecasting.base", *others),
        requires=REQUIREMENTS.get(name, requires),
        depends=("sktime",),
        pool="local",
        covariates=("known covariate",) if "x" in letters else (),
        quantiles=None if needs_others else "q" in letters,
    )
