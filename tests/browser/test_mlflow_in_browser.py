"""The pages of `harness ui`, and a board in MLflow's own pages, looked at in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium")

from harness import standings_path, stored_plans, stored_standings
from harness_mlflow import server
from harness_mlflow.index import Index
from harness_mlflow.place import Place

pytestmark = [
    pytest.mark.long_file,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

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
    *("rank", "tied_for_first", "skill", "interval", "win_rate", "relative_error"),
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
    """The server of `harness ui`."""
    with server.serve(Place(home), None) as address:
        yield address


@pytest.fixture
def board(browser: Any, home: Path, address: str) -> Any:
    """A browser's driver that shows the board."""
    driver = browser.driver
    browser.size(*SIZE)
    browser.open(f"{address}/mlflow#/experiments/{experiment_of(home)}/runs?viewStateShareKey=harness")
    awaited(lambda: len(names(driver)) == 4, driver)
    return driver


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

    shown = [heading.text for heading in sorted(headings, key=lambda heading: heading.location["x"]) if heading.text]

    assert shown[: len(expected)] == expected


def test_headings_and_numbers_are_not_cut(board: Any) -> None:
    numbers = [f"metrics.`{name}`" for name in ("win_rate", "relative_error", "MASE/elnino", "predict_ms_per_window")]
    shown = [*board.find_elements("css selector", HEADINGS), *(cell for name in numbers for cell in cells(board, name))]

    assert len(shown) > len(COLUMNS)
    assert [element.text for element in shown if board.execute_script(CUT, element)] == []


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

    errors = [cell.text.removesuffix(" (min)").rstrip("…") for cell in cells(board, "metrics.`MASE`")]

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

    shown = awaited(lambda: board.find_element("css selector", "#standings").text, board)

    assert board.current_url.endswith("/boards/odd")
    assert SCRIPT in shown


def test_a_table_is_not_said_to_be_shared_by_somebody(board: Any) -> None:
    assert "viewStateShareKey" not in board.current_url
    assert "shared view" not in board.find_element("tag name", "body").text


def test_one_click_leads_from_a_forecaster_to_its_forecasts(board: Any) -> None:
    board.find_element("link text", "theta").click()

    follow(board, "elnino")

    picture = "return [...document.images].some(one => one.src.startsWith('blob:') && one.naturalWidth == 1000)"
    awaited(lambda: board.execute_script(picture), board)


def test_nothing_is_asked_of_another_machine(board: Any, browser: Any, address: str) -> None:
    follow(board, "cells")
    awaited(lambda: len(names(board)) == 8, board)

    asked = browser.requests()

    assert any(url.startswith(f"{address}/") for url in asked)
    assert not [url for url in asked if not url.startswith((f"{address}/", f"blob:{address}/", "data:", "about:"))]


class TestOwnPages:
    def test_a_board_is_one_click_away_from_the_first_page(self, browser: Any, home: Path, address: str) -> None:
        browser.open(address)
        assert QUOTES in browser.driver.find_element("css selector", ".leaders").text

        browser.driver.find_element("link text", "Odd names").click()

        assert rows_of_page(browser.driver) == ranked(home)
        assert browser.driver.current_url == f"{address}/boards/odd"
        browser.driver.refresh()
        assert rows_of_page(browser.driver) == ranked(home)
        assert browser.errors() == []

    def test_every_page_leads_back_to_all_boards(self, browser: Any, address: str) -> None:
        browser.open(f"{address}/boards/odd")

        browser.driver.find_element("link text", "All boards").click()

        assert browser.driver.current_url == f"{address}/"

    @pytest.mark.parametrize("width", [390, 1280])
    def test_the_first_page_fits_into_the_window(self, browser: Any, address: str, width: int) -> None:
        browser.size(width, 800)
        browser.open(address)

        assert browser.run("return document.documentElement.scrollWidth") <= width

    def test_new_results_are_on_the_page_when_it_is_loaded_again(self, browser: Any, home: Path, address: str) -> None:
        browser.open(f"{address}/boards/odd")
        path = standings_path(home, "odd")
        before = path.read_bytes()
        try:
            path.unlink()  # as while the board runs: the journal has results that no stored standings have
            (plan,) = stored_plans(home)
            for cell in plan.by_forecaster["theta"]:
                record = home / "journal" / "cells" / cell.key / "record.json"
                record.rename(record.with_name("hidden"))
            browser.driver.refresh()

            assert rows_of_page(browser.driver) == [name for name in ranked(home, before) if name != "theta"]
        finally:
            for record in (home / "journal").rglob("hidden"):
                record.rename(record.with_name("record.json"))
            path.write_bytes(before)


class TestMlflowFromOwnPages:
    """From the pages of harness, MLflow shows the board's table, and nothing about GenAI."""

    def test_the_link_of_a_board_leads_to_its_table(self, browser: Any, home: Path, address: str) -> None:
        fresh(browser, address)

        browser.driver.find_element("link text", "Forecasters in MLflow").click()

        self.check(browser, home)

    def test_the_table_survives_a_reload_and_a_bookmark(self, browser: Any, home: Path, address: str) -> None:
        fresh(browser, address)
        browser.driver.find_element("link text", "Forecasters in MLflow").click()
        self.check(browser, home)

        browser.driver.refresh()

        self.check(browser, home)
        bookmark = browser.driver.current_url
        fresh(browser, address)
        browser.open(bookmark)
        self.check(browser, home)

    def test_the_list_of_experiments_leads_to_the_table(self, browser: Any, home: Path, address: str) -> None:
        fresh(browser, address)
        browser.driver.find_element("link text", "Experiments in MLflow").click()

        awaited(lambda: browser.driver.find_elements("link text", "odd"), browser.driver)[0].click()

        self.check(browser, home)

    def test_a_forecaster_opens_as_a_run_and_not_as_traces(self, browser: Any, home: Path, address: str) -> None:
        fresh(browser, address)
        browser.driver.find_element("link text", "Forecasters in MLflow").click()
        self.check(browser, home)

        browser.driver.find_element("link text", "theta").click()

        awaited(lambda: "win_rate_high" in browser.driver.find_element("tag name", "body").text, browser.driver)
        browser.driver.refresh()
        awaited(lambda: "win_rate_high" in browser.driver.find_element("tag name", "body").text, browser.driver)

    def test_home_of_mlflow_is_the_list_of_boards(self, browser: Any, address: str) -> None:
        browser.open(f"{address}/mlflow#/experiments")
        awaited(lambda: browser.driver.find_elements("css selector", 'a[href$="#/"]'), browser.driver)[0].click()

        awaited(lambda: browser.driver.current_url == f"{address}/", browser.driver)

    def check(self, browser: Any, home: Path) -> None:
        """MLflow shows the forecasters by rank, with the columns of the board, and neither assistant nor dialogue."""
        driver = browser.driver
        awaited(lambda: names(driver) == ranked(home), driver)
        awaited(lambda: cells(driver, "metrics.`skill`"), driver)
        assert driver.find_elements("css selector", '[role="dialog"]') == []
        shown = driver.find_element("tag name", "body").text
        assert "usage data" not in shown
        assert "Assistant" not in shown


@pytest.mark.parametrize("path", ["boards/none", "boards/%3Cscript%3Ealert(1)%3C%2Fscript%3E"])
def test_a_board_that_was_not_run_is_not_found(address: str, path: str) -> None:
    status, kind = refusal(f"{address}/{path}")

    assert status == 404
    assert kind.startswith("text/plain")


@pytest.mark.parametrize("path", ["", "boards/odd", "mlflow"])
def test_another_host_name_is_refused(address: str, path: str) -> None:
    assert refusal(f"{address}/{path}", "example.org")[0] == 403


def test_the_assistant_of_mlflow_cannot_be_reached(address: str) -> None:
    assert refusal(f"{address}/ajax-api/3.0/mlflow/assistant/config")[0] == 404


def refusal(address: str, host: str = "127.0.0.1") -> tuple[int, str]:
    """The status and the kind of the answer where there is no page."""
    asked = urllib.request.Request(address, headers={"Host": host})
    with pytest.raises(urllib.error.HTTPError) as found:
        urllib.request.urlopen(asked)
    with found.value as answer:
        return answer.code, str(answer.headers["content-type"])


def experiment_of(home: Path) -> str:
    """The number of the board's experiment."""
    return Index(Place(home)).boards["odd"].experiment


def ranked(home: Path, stored: bytes = b"") -> list[str]:
    """The forecasters of the board, the best first; of the file of stored standings, if it is given."""
    fields = json.loads(stored or standings_path(home, "odd").read_bytes())
    return [row["forecaster"] for row in fields["rows"]]


def rows_of_page(driver: Any) -> list[str]:
    """The forecasters in the table of our page, from top to bottom."""
    return [cell.text for cell in driver.find_elements("css selector", "#standings-table tbody th bdi")]


def fresh(browser: Any, address: str) -> None:
    """The first page, in a browser that was never here."""
    browser.size(*SIZE)
    browser.open(address)
    browser.run("localStorage.clear()")


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
    """Click a link of a description, which opens in the same tab."""
    known = driver.window_handles
    awaited(lambda: driver.find_elements("link text", text), driver)[0].click()
    assert driver.window_handles == known


def awaited(found: Callable[[], Any], driver: Any) -> Any:
    """What is looked for, as soon as it is there."""
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    waiting = WebDriverWait(driver, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
    return waiting.until(lambda _: found())
