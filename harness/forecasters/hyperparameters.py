"""The hyperparameters of a forecaster: those of its dataclass, with defaults and meanings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Sequence
from typing import Any

from harness.errors import Failure, attempt
from harness.forecasters.described import DescribedFactory, Hyperparameter
from harness.forecasters.spec import ForecasterSpec, underlying_class

SENTENCE_END = r"(?<=[.])(?<!\b[A-Z][.])\s+(?=[A-Z`\"])"  # not after an initial, as in "A. Zeng"
MEANING = "meaning"  # in the metadata of a field of the dataclass


def hyperparameters_of(spec: ForecasterSpec) -> list[Hyperparameter]:
    """The hyperparameters of a forecaster, which is imported; none where it cannot be, or is no dataclass.

    The meaning is `metadata["meaning"]` of the field, or else the sentences of the docstrings of the class and its
    bases that have the name in backquotes. Those of a forecaster of an environment are as described there.
    """
    if isinstance(spec.factory, DescribedFactory):
        return list(spec.factory.description.hyperparameters or ())
    factory = attempt(spec.load)
    made = None if isinstance(factory, Failure) else underlying_class(factory)
    if not isinstance(made, type) or not dataclasses.is_dataclass(made):
        return []
    sentences = [sentence for base in made.__mro__ for sentence in _sentences(vars(base).get("__doc__"))]
    return [
        Hyperparameter(each.name, _default(each), str(each.metadata.get(MEANING, "")) or _meaning(each.name, sentences))
        for each in dataclasses.fields(made)
        if each.init and each.name != "seed"
    ]


def _sentences(docstring: object) -> list[str]:
    text = " ".join(inspect.cleandoc(docstring).split()) if isinstance(docstring, str) else ""
    return re.split(SENTENCE_END, text) if text else []


def _meaning(name: str, sentences: Sequence[str]) -> str:
    return " ".join(dict.fromkeys(sentence for sentence in sentences if f"`{name}`" in sentence))


def _default(field: dataclasses.Field[Any]) -> str:
    """The default as text, or what the code of the plugin raised that makes it; empty if there is none."""
    factory = field.default_factory
    if field.default is not dataclasses.MISSING:
        text = attempt(lambda: repr(field.default))
    elif factory is not dataclasses.MISSING:
        text = attempt(lambda: repr(factory()))
    else:
        return ""
    return f"raises {text}" if isinstance(text, Failure) else text
