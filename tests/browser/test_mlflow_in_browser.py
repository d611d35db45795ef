"""A board in MLflow's own pages, looked at in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium")

from harness import stored_standings
from harness_mlflow import server
from harness_mlflow.place import Place

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

SCRIPT, QUOTES = "<script>alert(1)</script>", 'it\'s "both" & a/b'
BOARD = f"""
title = "Odd names"
metric = "MASE"
baseline = "naive"

[[tasks]]
dataset = "nile"
protocol = {{ kind = "rolling-origin", horizon = 5, windows = 6 }}

[[tasks]]
dataset = "elnino"
quantile_levels = [0.1, 0.5, 0.9]
protocol = {{ kind = "rolling-origin", horizon = 12, windows = 12 }}

[[forecasters]]
name = "naive"

[[forecasters]]
name = "drift"
label = "{SCRIPT}"

[[forecasters]]
name = "seasonal-naive"
label = {json.dumps(QUOTES)}

[[forecasters]]
name = "theta"
"""
COLUMNS = [
    *("rank", "tied_for_first", "skill", "skill_low", "skill_high", "win_rate", "relative_error"),
    *("MASE/nile", "MASE/elnino", "fit_seconds", "predict_ms_per_window", "completed", "failed_results"),
]
HEADINGS = ".ag-header-viewport .ag-header-cell"
CUT = """
    const all = document.createRange(), texts = document.createTreeWalker(arguments[0], NodeFilter.SHOW_TEXT)
    const end = arguments[0].getBoundingClientRect().right
    while (texts.nextNode()) {
        all.selectNodeContents(texts.currentNode)
        if (all.getBoundingClientRect().right > end) return true
    }
    return false
"""  # whether a text inside of an element ends outside of it
SIZE = (3000, 1000)  # pixels in which all columns are seen
PATIENCE = 60.0  # seconds until a page shows what is looked for


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which a board was run and mirrored."""
    folder = tmp_path_factory.mktemp("odd names")
    (folder / "odd.toml").write_text(BOARD, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        command = [str(Path(sys.executable).with_name("harness")), "run", str(folder / "odd.toml")]
        subprocess.run([*command, "--home", str(folder / "home")], check=True, capture_output=True)
        yield folder / "home"


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """MLflow's server, as `harness ui` starts it."""
    with server.serve(Place(home), None) as address:
        yield address


@pytest.fixture
def board(browser: Any, home: Path, address: str) -> Iterator[Any]:
    """A browser's driver that shows the board."""
    driver = browser.driver
    first = driver.current_window_handle
    browser.size(*SIZE)
    browser.open(f"{address}/{server.page_of(Place(home), 'odd')}")
    awaited(lambda: len(names(driver)) == 4, driver)
    yield driver
    for tab in set(driver.window_handles) - {first}:
        driver.switch_to.window(tab)
        driver.close()
    driver.switch_to.window(first)


def test_rows_are_in_the_order_of_ranks(board: Any, home: Path) -> None:
    computed = stored_standings(home, "odd")
    assert computed is not None

    assert names(board) == [row.forecaster for row in computed.rows]
    assert [cell.text for cell in cells(board, "metrics.`rank`")] == [str(row.rank) for row in computed.rows]
    assert [float(cell.text) for cell in cells(board, "metrics.`skill`")] == [
        float(f"{row.skill:.5g}") for row in computed.rows
    ]


def test_columns_come_in_the_order_of_importance(board: Any, home: Path) -> None:
    computed = stored_standings(home, "odd")
    assert computed is not None
    expected = [name for name in COLUMNS if name != "tied_for_first" or computed.tied_for_first]
    headings = board.find_elements("css selector", HEADINGS)

    shown = [one.text for one in sorted(headings, key=lambda one: one.location["x"]) if one.text]

    assert shown[: len(expected)] == expected


def test_headings_and_numbers_are_not_cut(board: Any) -> None:
    numbers = [f"metrics.`{name}`" for name in ("skill_low", "relative_error", "MASE/elnino", "predict_ms_per_window")]
    shown = [*board.find_elements("css selector", HEADINGS), *(cell for name in numbers for cell in cells(board, name))]

    assert len(shown) > len(COLUMNS)
    assert [one.text for one in shown if board.execute_script(CUT, one)] == []


def test_a_script_in_a_name_is_text(board: Any) -> None:
    from selenium.common.exceptions import NoAlertPresentException

    board.find_element("link text", SCRIPT).click()

    awaited(lambda: SCRIPT in board.find_element("css selector", "h1, h2, h3").text, board)
    with pytest.raises(NoAlertPresentException):
        board.switch_to.alert.accept()


def test_one_click_leads_from_a_row_to_its_cells(board: Any) -> None:
    board.find_element("link text", QUOTES).click()

    follow(board, "Its cells")

    awaited(lambda: names(board) == [f"{QUOTES} · elnino", f"{QUOTES} · nile"], board)


def test_cells_are_grouped_by_task_and_the_best_comes_first(board: Any) -> None:
    follow(board, "cells")
    awaited(lambda: len(names(board)) == 8, board)

    errors = [cell.text.rstrip("…") for cell in cells(board, "metrics.`MASE`")]

    tasks = [name.rpartition(" · ")[2] for name in names(board)]
    assert sorted(tasks) in (tasks, tasks[::-1])
    for group in errors[:5], errors[5:]:  # the first of each is that of its group, the least
        assert list(map(float, group)) == sorted(map(float, group))
        assert float(group[0]) == float(group[1])


def test_one_click_leads_from_a_cell_to_its_plots(board: Any) -> None:
    follow(board, "cells")
    awaited(lambda: len(names(board)) == 8, board)
    board.find_element("link text", "theta · elnino").click()

    follow(board, "its forecasts")

    picture = "return [...document.images].some(one => one.src.startsWith('blob:') && one.naturalWidth == 1000)"
    awaited(lambda: board.execute_script(picture), board)


def test_the_page_is_one_click_away(board: Any) -> None:
    follow(board, "page with plots")

    (frame,) = awaited(lambda: board.find_elements("css selector", "iframe.mlflow-html-iframe"), board)
    board.switch_to.frame(frame)
    shown = awaited(lambda: board.find_element("css selector", "body").text, board)

    assert "Odd names" in shown
    assert SCRIPT in shown
    board.switch_to.default_content()


def test_nothing_is_asked_of_another_machine(board: Any, browser: Any, address: str) -> None:
    follow(board, "cells")
    awaited(lambda: len(names(board)) == 8, board)

    asked = browser.requests()

    assert any(one.startswith(f"{address}/") for one in asked)
    assert not [one for one in asked if not one.startswith((f"{address}/", f"blob:{address}/", "data:", "about:"))]


def names(driver: Any) -> list[str]:
    """The runs of the table, from top to bottom; groups have none."""
    rows = driver.find_elements("css selector", ".ag-pinned-left-cols-container .ag-row")
    rows.sort(key=lambda row: int(row.get_attribute("row-index")))
    return [link.text for row in rows for link in row.find_elements("css selector", "a") if link.text]


def cells(driver: Any, column: str) -> list[Any]:
    """The cells of a column, from top to bottom."""
    rows = driver.find_elements("css selector", ".ag-center-cols-container .ag-row")
    rows.sort(key=lambda row: int(row.get_attribute("row-index")))
    return [row.find_element("css selector", f'[col-id="{column}"]') for row in rows]


def follow(driver: Any, text: str) -> None:
    """Click a link of a description, which MLflow opens in a tab of its own, and look at that."""
    known = driver.window_handles
    awaited(lambda: driver.find_elements("link text", text), driver)[0].click()
    (tab,) = awaited(lambda: set(driver.window_handles) - set(known), driver)
    driver.switch_to.window(tab)
    size = dict(zip(("width", "height"), SIZE, strict=True))
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size | {"deviceScaleFactor": 1, "mobile": False})


def awaited(found: Callable[[], Any], driver: Any) -> Any:
    """What is looked for, as soon as it is there."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    waiting = WebDriverWait(driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
    return waiting.until(lambda _: found())
