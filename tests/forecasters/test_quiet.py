"""`harness.quiet`: no warnings and no advice of Lightning in the block, and everything as before after it."""

from __future__ import annotations

import logging
import warnings

import pytest

import harness


def test_advice_is_hidden_in_the_block_only(caplog: pytest.LogCaptureFixture) -> None:
    named = [logging.getLogger("lightning.pytorch"), logging.getLogger("another")]
    named[1].setLevel(logging.INFO)

    @harness.quiet("another")
    def failing() -> None:
        for logger in named:
            logger.warning("advice")
            logger.error("an error")
        warnings.warn("advice", stacklevel=1)
        raise RuntimeError("raised")

    with pytest.raises(RuntimeError, match="raised"):
        failing()

    assert [record.message for record in caplog.records] == ["an error", "an error"]
    assert named[1].level == logging.INFO
    with pytest.warns(UserWarning, match="seen"):
        warnings.warn("seen", stacklevel=1)
