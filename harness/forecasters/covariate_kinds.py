"""The kinds of covariates that a forecaster can use."""

from __future__ import annotations

from typing import Literal, get_args

CovariateKind = Literal["past covariate", "known covariate", "static"]
COVARIATE_KINDS: tuple[CovariateKind, ...] = get_args(CovariateKind)
