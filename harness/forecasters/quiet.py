"""Libraries that give advice while they work, such as Lightning, without it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

LIGHTNING = ("pytorch_lightning", "lightning.pytorch", "lightning_fabric", "lightning.fabric")


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """A block without warnings, and without messages below errors of Lightning's and other named loggers.

    For adapters of libraries whose advice about logging, workers and devices is not meant for users of harness.
    """
    known = [logging.getLogger(name) for name in (*LIGHTNING, *loggers)]
    levels = [logger.level for logger in known]
    for logger in known:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(known, levels, strict=True):
            logger.setLevel(level)
