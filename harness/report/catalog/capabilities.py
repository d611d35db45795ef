"""What forecasters can do by their specs, in letters and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.forecasters.spec import SEVERAL_TARGETS

if TYPE_CHECKING:
    from harness.forecasters.spec import ForecasterSpec

LETTERS = {"past covariate": "P", "known covariate": "K", "static": "S"}
LEGEND = (
    "can: Q gives quantiles; C forecasts categorical targets; P, K, S uses past, known, static covariates; T forecasts "
    "several targets together, each from all; N receives missing values as NaN (others are filled); M needs a season; "
    "? quantiles, covariates or several targets are not stated"
)


def capability_letters(spec: ForecasterSpec) -> str:
    """What a forecaster can do, a letter each."""
    kinds = spec.usable_covariates
    letters = [
        "Q" * (spec.quantiles is True),
        "C" * spec.categorical,
        *(letter for kind, letter in LETTERS.items() if kind in (kinds or ())),
        "T" * (spec.multivariate is True),
        "N" * (spec.missing == "native"),
        "M" * spec.needs_season,
        "?" * (spec.quantiles is None or kinds is None or spec.multivariate is None),
    ]
    return "".join(letters)


def capability_rows(spec: ForecasterSpec) -> list[tuple[str, str]]:
    """The same in words, by what they are about."""
    kinds = spec.usable_covariates
    quantiles = {True: "yes", False: "no: its point forecasts are scored as quantiles", None: "not stated"}
    return [
        ("quantiles", quantiles[spec.quantiles]),
        ("categorical targets", "yes" if spec.categorical else "no"),
        ("covariates", "not stated" if kinds is None else ", ".join(kinds) or "none: they are ignored"),
        ("several targets", "not stated" if spec.multivariate is None else SEVERAL_TARGETS[spec.multivariate]),
        ("missing values", "received as NaN" if spec.missing == "native" else f"filled: {spec.missing}"),
        ("season", "needed" if spec.needs_season else "not needed"),
    ]
