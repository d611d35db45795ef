"""The page of a comparison in a notebook: its colours are those of the notebook, whatever the system prefers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness

pytest.importorskip("selenium")

from .conftest import Browser

FRAME = pd.DataFrame({"date": pd.date_range("2024-01-01", periods=60, freq="D"), "sales": np.arange(60) % 7 + 1.0})
COLOURS = "return getComputedStyle(document.documentElement).colorScheme"


@pytest.fixture(scope="module")
def output() -> str:
    """What a notebook shows of a comparison."""
    return harness.compare(["naive"], FRAME, horizon=7)._repr_html_()


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize(
    ("background", "colours"),
    [("#111111", "dark"), ("rgb(30, 30, 30)", "dark"), ("white", "light"), ("rgba(0, 0, 0, 0)", "light dark")],
)
def test_the_colours_are_those_of_the_notebook(
    browser: Browser, output: str, tmp_path: Path, system: str, background: str, colours: str
) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f'<!doctype html><body style="background: {background}"><div>{output}</div></body>', "utf-8")
    browser.prefer(prefers_color_scheme=system)

    browser.open(path)
    browser.driver.switch_to.frame(0)

    assert browser.run(COLOURS) == colours
    assert browser.errors() == []


def test_the_standings_are_seen_without_scrolling(browser: Browser, output: str, tmp_path: Path) -> None:
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><body><div>{output}</div></body>", "utf-8")
    browser.size(1100, 1400)

    browser.open(path)
    height = browser.run("return document.querySelector('iframe').clientHeight")
    browser.driver.switch_to.frame(0)

    assert browser.run("return document.querySelector('#standings table').getBoundingClientRect().bottom") < height
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
