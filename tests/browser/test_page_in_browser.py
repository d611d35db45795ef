"""The page of a board in a real browser: it sorts, draws, stays inside, and takes names for texts."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.report.page.details import CellDetails, ForecasterDetails
from harness.report.page.examples import Example, Examples, Lines
from harness.report.page.render import page
from harness.results.costs import BenchCosts
from harness.results.standings import RankTest, Row, Significance, Standings

pytest.importorskip("selenium")

from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

NAN = float("nan")
SCRIPT, IMAGE = "<script>alert(1)</script>", '"><img src=x onerror=alert(2)>'
LONG = "a-name-" + 30 * "without-end"
FORECASTERS = ("first", SCRIPT, IMAGE, LONG, "base")
TASKS = ("sun", "</script>\u2028moon", "\u202eleft \u05d0")
BOTH = dict.fromkeys(("skill", "win_rate", "mean_rank", "median_relative_error"), (-0.42, -0.15))
WIN_RATES = (0.8, 0.9, 0.1, NAN, 0.4)


def row(place: int) -> Row:
    skill = 0.4 - place / 10
    return Row(
        forecaster=FORECASTERS[place],
        rank=place + 1,
        skill=skill,
        relative_error=1 - skill,
        win_rate=WIN_RATES[place],
        mean_rank=1.0 + place,
        median_relative_error=1 - skill,
        intervals={"skill": (skill - 0.1, skill + 0.1)},
        mcs_p_value=0.6,
        tied_for_first=place < 2,
        seeds=2,
        skill_std=0.01,
        close_to_next=place == 1,
        scores=dict.fromkeys(TASKS, 0.5 + place / 10),
        score_stds=dict.fromkeys(TASKS, 0.01),
        metrics={},
        fit_seconds=10.0 ** (place - 3),
        predict_seconds=0.1 / (place + 1),
        windows=20,
        completed=3,
        missing={"failed": 1} if place == 2 else {},
        failed_windows=0,
        reasons=(f"sun: ValueError: {SCRIPT}",) if place == 2 else (),
        training_overlap=("sun",) if place == 1 else (),
    )


def standings() -> Standings:
    count = len(FORECASTERS)
    skills = tuple(tuple((j - i) / 10 for j in range(count)) for i in range(count))
    lows, highs = (tuple(tuple(skill + side for skill in row) for row in skills) for side in (-0.15, 0.15))
    wins = tuple(tuple(0.5 + (j - i) / 10 for j in range(count)) for i in range(count))
    means = {name: 1.0 + place for place, name in enumerate(FORECASTERS)}
    pairs = {task: tuple((number + 1) / 100 for number in range(10)) for task in TASKS[:2]}
    cliques = (FORECASTERS[:3], FORECASTERS[2:])
    ranks = RankTest(12.3, 0.015, 20, 2.2, means, cliques)
    found = Significance("resamples", 20, 1000, 0.95, FORECASTERS, wins, skills, lows, highs, pairs, ranks)
    return Standings(
        board="toy",
        title=f"A toy {IMAGE}",
        metric="MASE",
        baseline="base",
        tasks=TASKS,
        rows=tuple(map(row, range(count))),
        notes=(SCRIPT,),
        unavailable={IMAGE: SCRIPT},
        significance=found,
        machines=(SCRIPT,),
        finished="2026-01-01T00:00:00+00:00",
    )


def shown() -> Examples:
    def example(place: int, loss: float) -> Example:
        lines = Lines(IMAGE, (1.0, 2.0), (3.0, 4.0, 5.0), (3.0 + place,) * 3, (1.0,) * 3, (9.0,) * 3)
        return Example(SCRIPT, 50 + place, "2020-02-02", loss, (lines,), (0.1, 0.9))

    steps = {task: {name: (1.0, 2.0 + place, 3.0) for place, name in enumerate(FORECASTERS)} for task in TASKS}
    windows = {
        task: {name: (example(place, 0.25), example(place + 9, 4.5)) for place, name in enumerate(FORECASTERS)}
        for task in TASKS
    }
    return Examples("MASE", "MASE", steps, windows)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("page") / "board.html"
    path.write_text(page(standings(), shown()), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser: Any, file: Path) -> Any:
    """A browser with the page; when the test is over, its console holds no errors."""
    browser.open(file)
    yield browser
    assert browser.errors() == []


def names(opened: Any) -> list[str]:
    """The forecasters of the standings from top to bottom."""
    return opened.run("return [...document.querySelectorAll('#standings-table tbody th bdi')].map(e => e.textContent)")


def heading(opened: Any, text: str) -> Any:
    return opened.driver.find_element(By.XPATH, f"//table[@id='standings-table']//th[@aria-sort][.='{text}']")


def found(opened: Any, selector: str) -> Any:
    return opened.driver.find_element(By.CSS_SELECTOR, selector)


def button(opened: Any, section: str, text: str) -> Any:
    path = f"//section[@id='{section}']//button[normalize-space()='{text}']"
    return opened.driver.find_element(By.XPATH, path)


def labelled(opened: Any, section: str, label: str) -> Select:
    path = f"//section[@id='{section}']//label[span='{label}']/select"
    return Select(opened.driver.find_element(By.XPATH, path))


def texts(opened: Any, selector: str) -> list[str]:
    return opened.run("return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector)


class TestStandings:
    def test_rows_are_in_the_order_of_their_ranks(self, opened: Any) -> None:
        assert names(opened) == list(FORECASTERS)
        assert heading(opened, "#").get_attribute("aria-sort") == "ascending"

    def test_a_click_sorts_and_another_turns_it_round(self, opened: Any) -> None:
        win_rate = heading(opened, "Win rate")

        win_rate.find_element(By.TAG_NAME, "button").click()
        best_first = names(opened)
        win_rate.find_element(By.TAG_NAME, "button").click()

        assert best_first == [SCRIPT, "first", "base", IMAGE, LONG]  # who has none comes last
        assert names(opened) == [IMAGE, "base", "first", SCRIPT, LONG]
        assert win_rate.get_attribute("aria-sort") == "ascending"
        assert heading(opened, "#").get_attribute("aria-sort") == "none"

    @pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE], ids=["enter", "space"])
    def test_a_key_sorts(self, opened: Any, key: str) -> None:
        fit = heading(opened, "Fit").find_element(By.TAG_NAME, "button")

        opened.run("arguments[0].focus()", heading(opened, "Skill").find_element(By.TAG_NAME, "button"))
        opened.driver.switch_to.active_element.send_keys(key)
        by_skill = names(opened)
        fit.send_keys(key)
        fit.send_keys(key)

        assert by_skill == list(FORECASTERS)
        assert names(opened) == list(reversed(FORECASTERS))
        assert texts(opened, "#sorted") == ["Sorted by Fit, descending"]

    def test_names_sort_as_texts(self, opened: Any) -> None:
        heading(opened, "Forecaster").find_element(By.TAG_NAME, "button").click()

        assert names(opened)[2:] == [LONG, "base", "first"]

    def test_reasons_unfold(self, opened: Any) -> None:
        found(opened, "#standings summary").click()

        assert found(opened, "#standings details li").text == f"sun: ValueError: {SCRIPT}"

    def test_they_are_there_without_javascript(self, browser: Any, file: Path) -> None:
        browser.command("Emulation.setScriptExecutionDisabled", value=True)
        browser.open(file)
        try:
            body = found(browser, "body").text
        finally:
            browser.command("Emulation.setScriptExecutionDisabled", value=False)

        assert SCRIPT in body
        assert "0.400\n[0.30, 0.50]" in body
        assert "This chart needs JavaScript, which is turned off." in body


class TestNames:
    def test_they_are_texts(self, opened: Any) -> None:
        with pytest.raises(NoAlertPresentException):
            opened.driver.switch_to.alert.dismiss()
        assert opened.run("return document.images.length") == 0
        assert opened.run("return document.querySelectorAll('b, i').length") == opened.run(
            "return document.querySelectorAll('.conclusion b, p b, output b, .swatches i').length"
        )
        assert found(opened, "h1").text == f"A toy {IMAGE}"
        assert texts(opened, "#about li") == [SCRIPT, SCRIPT]
        for section in ("pairs", "ranks", "steps", "costs", "windows"):
            assert "alert(1)" in opened.run("return document.getElementById(arguments[0]).textContent", section)

    def test_nothing_can_be_written_as_markup(self, opened: Any) -> None:
        refused = opened.run(
            "try { document.body.innerHTML = '<b>x</b>'; return false } catch (e) { return e instanceof TypeError }"
        )
        opened.errors()  # of which the console tells

        assert refused


class TestPairs:
    def test_the_matrix_tells_of_skill(self, opened: Any) -> None:
        assert texts(opened, ".matrix tbody tr:first-child td") == ["·", ".10", ".20", ".30", ".40"]
        assert texts(opened, ".matrix tbody tr:first-child td.significant") == [".20", ".30", ".40"]

    def test_win_rates(self, opened: Any) -> None:
        button(opened, "pairs", "Win rate").click()

        assert texts(opened, ".matrix tbody tr:nth-child(2) td") == [".40", "·", ".60", ".70", ".80"]

    def test_p_values_of_a_task(self, opened: Any) -> None:
        button(opened, "pairs", "One task").click()
        tasks = labelled(opened, "pairs", "Task")

        tasks.select_by_index(1)

        assert len(tasks.options) == 2  # the third was not tested
        assert texts(opened, ".matrix tbody tr:nth-child(2) td") == [".010", "·", ".050", ".060", ".070"]
        assert "moon" in found(opened, ".matrix caption").text

    def test_arrow_keys_walk_and_a_sentence_tells(self, opened: Any) -> None:
        opened.run("arguments[0].focus()", found(opened, ".matrix td[tabindex='0']"))

        opened.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)

        assert found(opened, "#pairs output").text.replace("\u2068", "").replace("\u2069", "") == (
            f"first against {IMAGE}: skill 0.200 [0.050, 0.350], significant (unadjusted)"
        )


class TestCharts:
    def test_each_has_a_title_a_description_and_a_table(self, opened: Any) -> None:
        charts = opened.driver.find_elements(By.CSS_SELECTOR, "svg.chart")

        assert len(charts) == 5  # ranks, steps, costs, and two windows
        for chart in charts:
            assert chart.get_attribute("role") == "img"
            said = opened.run(
                "return arguments[0].getAttribute('aria-labelledby').split(' ')"
                ".map(id => document.getElementById(id).textContent)",
                chart,
            )
            assert all(said)
            figure = chart.find_element(By.XPATH, "./ancestor::figure")
            opened.run("arguments[0].open = true", figure.find_element(By.TAG_NAME, "details"))
        opened.run("return new Promise(done => setTimeout(done, 50))")
        assert all(
            len(texts(opened, f"{selector} tbody tr")) > 2 for selector in ("#ranks", "#steps", "#costs", "#windows")
        )

    def test_the_legend_turns_lines_off_and_on(self, opened: Any) -> None:
        key = button(opened, "steps", "first")
        before = len(texts(opened, "#steps svg.chart .line"))

        key.click()
        off = len(texts(opened, "#steps svg.chart .line"))
        pressed = key.get_attribute("aria-pressed")
        key.send_keys(Keys.ENTER)

        assert [before, off, len(texts(opened, "#steps svg.chart .line"))] == [5, 4, 5]
        assert [pressed, key.get_attribute("aria-pressed")] == ["false", "true"]

    def test_none_and_all(self, opened: Any) -> None:
        button(opened, "steps", "None").click()
        none = len(texts(opened, "#steps svg.chart .line"))
        button(opened, "steps", "All").click()

        assert [none, len(texts(opened, "#steps svg.chart .line"))] == [0, 5]

    def test_another_task_and_a_logarithmic_scale(self, opened: Any) -> None:
        labelled(opened, "steps", "Task").select_by_index(1)
        button(opened, "steps", "Logarithmic").click()

        assert "moon" in texts(opened, "#steps svg.chart > title")[0]
        assert "MASE, logarithmic" in texts(opened, "#steps svg.chart .label")

    def test_a_step_is_read_off(self, opened: Any) -> None:
        found(opened, "#steps input[type=range]").send_keys(Keys.ARROW_RIGHT)

        said = texts(opened, "#steps output > *")
        assert said[:2] == ["Step 2", "first 2"]

    def test_whom_nobody_beats_is_on_the_front(self, opened: Any) -> None:
        opened.run("document.querySelector('#costs details').open = true")
        opened.run("return new Promise(done => setTimeout(done, 50))")
        by_time = texts(opened, "#costs tbody tr td:last-child")
        button(opened, "costs", "Fit").click()

        assert by_time == ["yes"] * 5  # the better, the slower
        assert texts(opened, "#costs tbody tr td:last-child") == ["yes", "", "", "", ""]

    def test_the_best_and_the_worst_window_of_a_forecaster(self, opened: Any) -> None:
        labelled(opened, "windows", "Task").select_by_index(2)
        labelled(opened, "windows", "Forecaster").select_by_index(3)

        assert texts(opened, "#windows h3") == ["Best windowMASE 0.25", "Worst windowMASE 4.5"]
        assert texts(opened, "#windows .twin .fine") == [
            f"series {SCRIPT}, cutoff {cutoff} (2020-02-02)" for cutoff in (53, 62)
        ]
        assert len(texts(opened, "#windows svg.chart .band")) == 2

    @pytest.mark.parametrize(("free_running", "name"), [(True, "given"), (False, "past")])
    def test_the_values_before_a_free_run_are_called_given(
        self, browser: Any, tmp_path: Path, free_running: bool, name: str
    ) -> None:
        wave = tuple(math.sin(step / 9) for step in range(300))
        window, path = (
            Example("s", 100, "", 0.1, (Lines("y", wave[:100], wave[100:], wave[100:]),)),
            tmp_path / "w.html",
        )
        board = replace(standings(), logarithmic=free_running)
        path.write_text(page(board, Examples("MASE", "MASE", {}, {"sun": {"first": (window,)}})), encoding="utf-8")

        browser.open(path)

        assert texts(browser, "#windows .swatches > span") == [name, "actual", "forecast"]
        ends = browser.run(
            "return ['past', 'mean'].map(kind => document.querySelector(`#windows svg.chart path.${kind}`).getBBox())"
            ".map(box => [box.x, box.x + box.width])"
        )
        assert ends[0][0] < ends[0][1] < ends[1][0] < ends[1][1]  # apart from the generated values

    def test_a_part_of_a_wave_is_enlarged_and_shown_whole_again(self, browser: Any, tmp_path: Path) -> None:
        wave = tuple(math.sin(step / 9) for step in range(900))
        lines = Lines("y", wave[:100], wave, wave)
        path = tmp_path / "wave.html"
        window = Example("s", 100, "", 0.1, (lines,))
        path.write_text(
            page(standings(), Examples("MASE", "MASE", {}, {"sun": {"first": (window,)}})), encoding="utf-8"
        )
        browser.open(path)
        chart = found(browser, "#windows svg.chart")
        whole = texts(browser, "#windows .tick.middle")

        actions = ActionChains(browser.driver).scroll_to_element(chart)
        actions.move_to_element(chart).click_and_hold().move_by_offset(60, 0).release().perform()

        enlarged = [float(tick) for tick in texts(browser, "#windows .tick.middle")]
        assert max(enlarged) - min(enlarged) < 200
        pressed = "#windows .twin:first-child .choice[aria-label=Steps] [aria-pressed=true]"
        assert texts(browser, pressed) == []
        button(browser, "windows", "All").click()
        assert texts(browser, "#windows .tick.middle") == whole
        assert texts(browser, pressed) == ["All"]
        button(browser, "windows", "At the cutoff").click()
        assert "0" in texts(browser, "#windows .tick.middle")
        assert texts(browser, pressed) == ["At the cutoff"]
        assert browser.errors() == []


class TestLooks:
    def background(self, opened: Any) -> int:
        """How bright the page is, from 0 to 255."""
        colour = opened.run("return getComputedStyle(document.documentElement).backgroundColor")
        return int(colour.partition("(")[2].split(",")[0])

    def test_it_is_dark_or_light_as_the_reader_prefers(self, opened: Any) -> None:
        light = self.background(opened)
        opened.prefer(prefers_color_scheme="dark")

        assert light > 240
        assert self.background(opened) < 40

    def test_a_button_turns_the_light_off_and_on(self, opened: Any) -> None:
        theme = found(opened, "#theme")

        theme.click()
        dark, said = self.background(opened), theme.text
        theme.send_keys(Keys.ENTER)

        assert dark < 40
        assert [said, theme.text] == ["Light", "Dark"]
        assert self.background(opened) > 240

    @pytest.mark.parametrize("width", [320, 390, 768, 1280, 2000])
    def test_the_page_is_never_wider_than_the_window(self, opened: Any, width: int) -> None:
        opened.size(width, 800)
        opened.run("for (const one of document.querySelectorAll('details')) one.open = true")
        opened.run("return new Promise(done => setTimeout(done, 100))")

        assert opened.run("return document.documentElement.scrollWidth") <= width

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_texts_stand_out(self, opened: Any, scheme: str) -> None:
        opened.prefer(prefers_color_scheme=scheme)

        poor = opened.run(CONTRAST)

        assert poor == []

    def test_every_control_can_be_reached_and_is_named(self, opened: Any) -> None:
        unnamed = opened.run(
            "return [...document.querySelectorAll('button, select, input')]"
            ".filter(e => e.tabIndex < 0 || !(e.textContent.trim() || e.ariaLabel || e.labels?.[0]?.textContent))"
            ".map(e => e.outerHTML)"
        )

        assert unnamed == []

    def test_it_can_be_printed(self, opened: Any) -> None:
        assert len(opened.command("Page.printToPDF")["data"]) > 10_000


# Texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, level AA).
CONTRAST = """
const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
const light = (text) => {
  const [r, g, b] = parts(text).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (node) => {
  for (let one = node; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (parts(colour)[3] !== 0) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const poor = [];
for (const node of document.querySelectorAll('body *:not(script):not(style):not(option)')) {
  if (![...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim())) continue;
  if (!node.getClientRects().length || node.closest('title, desc, .skip')) continue;
  const style = getComputedStyle(node);
  const ink = node.namespaceURI.endsWith('svg') ? style.fill : style.color;
  const [a, b] = [light(ink), light(behind(node))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) poor.push([node.className.baseVal ?? node.className, node.textContent, ink]);
}
return poor;
"""


class TestMeasuredCosts:
    @pytest.fixture
    def measured(self, browser: Any, tmp_path: Path) -> Any:
        """A browser with the page of a board whose costs were measured, those of one forecaster excepted."""
        made = standings()
        costs = [
            BenchCosts(
                *("m", IMAGE, "2026-01-01", "sun", 1, "cpu"),
                latency_p50=0.001 * (5 - place),
                latency_p99=0.004 * (5 - place),
                latency_p99_low=0.003,
                throughput=1000.0 * (1 + place % 3),
                memory=200_000_000 + place,
            )
            for place in range(4)
        ]
        rows = tuple(replace(row, costs=cost) for row, cost in zip(made.rows, [*costs, None], strict=True))
        path = tmp_path / "board.html"
        path.write_text(page(replace(made, rows=rows, cost_notes=(f"cost: {IMAGE}",)), shown()), encoding="utf-8")
        browser.open(path)
        browser.run("document.querySelector('#costs details').open = true")
        yield browser
        assert browser.errors() == []

    def choose(self, measured: Any, name: str) -> None:
        Select(measured.driver.find_element(By.CSS_SELECTOR, "#costs select")).select_by_value(name)

    def test_every_cost_can_be_chosen_but_those_nobody_has(self, measured: Any) -> None:
        (cost, _) = measured.driver.find_elements(By.CSS_SELECTOR, "#costs select")

        found = [option.get_attribute("value") for option in Select(cost).options]

        assert found == ["latency_p99", "throughput", "latency_p50", "memory", "predict", "fit"]

    def test_less_latency_is_better_and_more_throughput(self, measured: Any) -> None:
        by_latency = texts(measured, "#costs tbody tr td:last-child")
        self.choose(measured, "throughput")
        by_throughput = texts(measured, "#costs tbody tr td:last-child")

        assert by_latency == ["yes", "yes", "yes", "yes"]  # each slower one is better
        assert by_throughput == ["yes", "yes", "yes", ""]  # the fourth is as slow as the first, and worse

    def test_a_line_leads_from_the_median_to_the_p99(self, measured: Any) -> None:
        assert len(measured.driver.find_elements(By.CSS_SELECTOR, "#costs .spread")) == 4
        self.choose(measured, "memory")
        assert not measured.driver.find_elements(By.CSS_SELECTOR, "#costs .spread")

    def test_more_throughput_is_drawn_further_left(self, measured: Any) -> None:
        self.choose(measured, "throughput")

        dots = measured.run(
            "return [...document.querySelectorAll('#costs circle')].map((one) => Number(one.getAttribute('cx')))"
        )

        assert dots[2] < dots[1] < dots[0]

    def test_the_machine_is_a_text(self, measured: Any) -> None:
        assert any(IMAGE in text for text in texts(measured, "#costs .fine"))
        assert not measured.driver.find_elements(By.TAG_NAME, "img")

    def test_the_front_is_whom_nobody_beats_whatever_is_equal_or_missing(self, measured: Any) -> None:
        """Beside the definition, pair by pair, on many small boards."""
        script = """
            const [rows, more, byError] = arguments;
            const named = rows.map(([cost, value], k) => ({ name: `${k}`, skill: [value], scores: [value] }));
            const board = { rows: named, lowestIsBest: true };
            const state = { cost: { more, from: null, of: (row) => rows[row][0] }, what: byError ? '0' : 'skill' };
            return costPoints(board, state).filter((one) => one.front).map((one) => Number(one.name));
        """
        random = np.random.default_rng(0)
        for _ in range(200):
            values = random.integers(1, 5, (random.integers(0, 9), 2)).tolist()
            rows = [[None if value == 4 else value for value in row] for row in values]
            for more, by_error in itertools.product((False, True), repeat=2):
                signs = (-1 if more else 1, 1 if by_error else -1)  # of what is better when it is less
                known = {k: (signs[0] * row[0], signs[1] * row[1]) for k, row in enumerate(rows) if None not in row}
                beaten = {
                    k for k, a in known.items() if any(b != a and max(np.subtract(b, a)) <= 0 for b in known.values())
                }

                assert measured.run(script, rows, more, by_error) == sorted(known.keys() - beaten), rows

    def test_who_it_is_stays_where_it_is_while_columns_scroll(self, measured: Any) -> None:
        place = """
            const box = document.querySelector('.scroll');
            const name = box.querySelector('tbody th').getBoundingClientRect();
            const last = box.querySelector('tbody td:last-child').getBoundingClientRect();
            return [name.left, name.right, last.right, box.getBoundingClientRect().right, innerWidth];
        """
        for width in (390, 1000):
            measured.size(width, 800)
            measured.run("document.querySelector('.scroll').scrollLeft = 0")
            before = measured.run(place)
            measured.run("document.querySelector('.scroll').scrollLeft = 9999")
            left, right, last, end, window = measured.run(place)

            assert before[2] > before[3]  # the last column is out of sight
            assert [left, right] == pytest.approx(before[:2])
            assert right < end / 1.5
            assert last == pytest.approx(end, abs=1)
            assert end < window

    def test_columns_fade_at_the_edge_until_the_last_is_reached(self, measured: Any) -> None:
        fade = "return parseFloat(getComputedStyle(document.querySelector('.scroll')).getPropertyValue('--fade'))"
        wait = "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        measured.size(1000, 800)
        measured.run(wait)

        before = measured.run(fade)
        measured.run("document.querySelector('.scroll').scrollLeft = 9999")
        measured.run(wait)

        assert before > 10
        assert measured.run(fade) == 0


def test_a_board_of_one_task_fits_a_laptop(browser: Any, tmp_path: Path) -> None:
    made, path = standings(), tmp_path / "board.html"
    costs = BenchCosts("m", "CPU", "2026-01-01", "sun", 1, "cpu", 0.128, 0.19, 0.256, 0.249, 0.263, 2.43e6)
    costs = replace(costs, training_seconds=0.123, memory=1_234_000_000)
    rows = [
        replace(row, forecaster=f"seq2seq-{row.rank}", costs=costs, missing={}, reasons=(), intervals=BOTH)
        for row in made.rows
    ]
    path.write_text(page(replace(made, rows=tuple(rows), tasks=("sunspots",)), shown()), encoding="utf-8")
    browser.size(1400, 900)
    browser.open(path)

    box, table = browser.run(
        "return [document.querySelector('.scroll').clientWidth, document.querySelector('#standings-table').offsetWidth]"
    )

    assert table == box


def test_a_board_of_several_tasks_fits_a_small_laptop(browser: Any, tmp_path: Path) -> None:
    made, path = standings(), tmp_path / "board.html"
    tasks = ("sunspots", "co2", "elnino", "nile", "macrodata")
    intervals = dict(zip(BOTH, ((-0.46, -0.21), (0.23, 0.37), (2.9, 3.3), (0.81, 1.66)), strict=True))
    known = {"missing": {}, "reasons": (), "intervals": intervals, "training_overlap": ()}
    rows = [
        replace(row, forecaster=f"gradient-boosting {row.rank}", scores=dict.fromkeys(tasks, 1.234), **known)
        for row in made.rows
    ]
    path.write_text(page(replace(made, rows=tuple(rows), tasks=tasks, significance=None)), encoding="utf-8")
    browser.size(1280, 900)
    browser.open(path)

    box, table, heights = browser.run(
        "return [document.querySelector('.scroll').clientWidth, document.querySelector('#standings-table').offsetWidth,"
        " [...document.querySelectorAll('#standings-table tbody tr')].map(row => row.getBoundingClientRect().height)]"
    )

    assert table == box
    assert heights == [round(height) for height in heights]  # so that lines of fixed and scrolled columns meet


@pytest.mark.parametrize("width", [390, 1280])
def test_no_word_of_a_heading_is_broken(browser: Any, tmp_path: Path, width: int) -> None:
    made, path = standings(), tmp_path / "board.html"
    path.write_text(page(made), encoding="utf-8")
    browser.size(width, 900)
    browser.open(path)

    headings = browser.run(
        "return [...document.querySelectorAll('#standings-table thead button bdi')]"
        ".map(heading => [heading.textContent, heading.getBoundingClientRect().height])"
    )

    assert len(headings) > 5
    assert [text for text, height in headings if height > 20 * len(text.split())] == []


def test_marks_of_overlap_move_neither_numbers_nor_names(browser: Any, tmp_path: Path) -> None:
    made, path = standings(), tmp_path / "board.html"
    rows = [replace(each, missing={}, reasons=()) for each in made.rows]
    rows[1] = replace(rows[1], forecaster="a pretrained forecaster with a long name", scores=rows[0].scores)
    path.write_text(page(replace(made, rows=tuple(rows)), shown()), encoding="utf-8")
    browser.size(1300, 1600)
    browser.open(path)

    ends = browser.run(
        "return [...document.querySelectorAll('td.task:nth-child(' + (1 + [...document.querySelectorAll("
        "'#standings-table thead tr:last-child th')].findIndex(each => each.textContent == 'sun')) + ') .value')]"
        ".map(each => each.getBoundingClientRect().right)"
    )
    name, mark = browser.run(
        "const row = [...document.querySelectorAll('tbody .name')].find(each => each.querySelector('.mark'));"
        "return ['bdi', '.mark'].map(part => row.querySelector(part).getBoundingClientRect().toJSON())"
    )

    assert len(ends) == len(rows)
    assert max(ends) - min(ends) < 0.5
    assert name["height"] > 1.5 * mark["height"]  # of two lines
    assert mark["bottom"] <= name["bottom"] + 1


def test_stages_of_a_training_are_drawn_one_after_the_other(browser: Any, tmp_path: Path) -> None:
    curves = {"loss/epochs": (4.0, 3.0, 2.0, 1.0), "validation loss/epochs": (5.0, 2.0), "loss/rounds": (3.0, 1.0)}
    cell = CellDetails("key", "sun", 0, "completed", 1.0, 1.0, 1.0, 10, (), curves, {})
    path = tmp_path / "training.html"
    details = [ForecasterDetails("first", {}, (cell,))]
    path.write_text(page(standings(), None, details), encoding="utf-8")

    browser.open(path)

    assert texts(browser, "#training .stage") == ["\u2068epochs\u2069", "\u2068rounds\u2069"]
    assert texts(browser, "#training .swatches bdi") == ["loss", "validation loss"]
    (border,) = (
        float(line.get_attribute("x1")) for line in browser.driver.find_elements("css selector", "#training .cut")
    )
    ends = [
        float(re.findall(r"[ML]([\d.]+) ", line.get_attribute("d"))[-1])
        for line in browser.driver.find_elements("css selector", "#training .chart path.line")
    ]
    assert ends[:2] == pytest.approx([border, border], abs=0.1)
    assert ends[2] > border
    assert browser.errors() == []


def test_names_of_models_of_libraries_and_of_tasks_are_whole_on_a_phone(browser: Any, tmp_path: Path) -> None:
    names = ("statsforecast:AutoETS", "statsforecast:AutoTheta", "statsforecast:AutoCES@sf", "ets", "base")
    made, path = standings(), tmp_path / "names.html"
    assert made.significance is not None
    ranks = RankTest(12.3, 0.015, 20, 2.2, {name: 1.0 + place for place, name in enumerate(names)}, (names[:3],))
    significance = replace(made.significance, forecasters=names, rank_test=ranks)
    rows = tuple(replace(row, forecaster=name) for row, name in zip(made.rows, names, strict=True))
    cell = CellDetails("key", "macrodata", None, "completed", 1.0, 0.1, 0.01, 10, (), {}, {})
    details = [ForecasterDetails(names[0], {}, (cell,))]
    path.write_text(page(replace(made, rows=rows, significance=significance), None, details), encoding="utf-8")

    browser.size(390, 800)
    browser.open(path)
    cut = browser.run(
        "return [...document.querySelectorAll('.matrix tbody :is(th, bdi)')]"
        ".filter(each => each.scrollWidth > each.clientWidth || each.scrollHeight > each.clientHeight).length"
    )
    lines = browser.run(
        "document.querySelector('details.forecaster').open = true;"
        "const name = document.querySelector('.forecaster tbody th bdi').getClientRects(); return name.length"
    )

    assert texts(browser, ".matrix tbody bdi") == list(names)
    assert (cut, lines) == (0, 1)
    drawn = [text.partition(" ")[0] for text in texts(browser, "#ranks svg text") if "stats" in text]
    assert len(set(drawn)) == 3
