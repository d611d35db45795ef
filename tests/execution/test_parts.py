"""A cell that is evaluated in parts has the run of one that is not, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Channel, Panel, RollingOrigin, Run, Status, Task, TimeSplit
from harness.boards.planned_spec import PlannedSpec, planned_spec
from harness.boards.planning import PlannedCell
from harness.data.panel_store import store_panel
from harness.errors import InfrastructureFault
from harness.evaluation.parts import Part, PartEnd, PartsPlan, Split
from harness.evaluation.run import Cell
from harness.execution.cells import parts as cell_parts
from harness.execution.cells.evaluation import evaluate_cell, run_cell
from harness.execution.options import CellOptions
from harness.execution.workers.template_server import TemplateServer
from harness.fields.types import Json
from harness.forecasters.limits import Limits
from harness.plugins.catalog import load_catalog
from harness.plugins.provider import Provider
from harness.plugins.result_versions import forecaster_version
from harness.results.journal import Journal
from harness.results.stored_parts import StoredParts, cells_in_parts

pytestmark = pytest.mark.long_file

PLUGIN = '''
import os, time, warnings, zlib
from dataclasses import dataclass
import numpy as np
from harness import CountedRemark, FittedLocalForecaster, Forecast, ForecasterSpec
from harness import LocalForecaster, Unsupported, hookimpl

LEVELS = (0.1, 0.5, 0.9)

def number(context):
    return int(context.id.rpartition("s")[2])

@dataclass
class Level(LocalForecaster):
    def predict_series(self, context):
        return np.tile(np.nanmean(context.target, axis=0), (context.horizon, 1))

@dataclass
class Slope(FittedLocalForecaster):
    """Fits each series, warns of some, remarks on some."""

    every: int = 3

    def fit_series(self, context):
        if number(context) % 4 == 1:
            warnings.warn(f"the fit of {context.id} is odd")
        return np.nanmean(np.diff(context.target, axis=0), axis=0), number(context) % self.every == 0

    def predict_windows(self, state, contexts):
        if number(next(iter(contexts))) % 5 == 2:
            warnings.warn(f"the forecast of {contexts.ids[0]} is odd")
        last = np.nan_to_num(contexts.last_targets(1))
        return Forecast.point(last + state[0] * np.arange(1, contexts.horizon + 1)[:, None])

    @property
    def remarks_(self):
        thirds = sum(bool(third) for _, third in self.states_.values())
        return ["always the same", CountedRemark("thirds", "{count} of {total} are thirds", thirds, len(self.states_))]

@dataclass
class Failing(LocalForecaster):
    """Fails on some windows, in several ways; with `always`, on all of them."""

    always: bool = False

    def predict_series(self, context):
        kind = number(context) % 5
        if kind == 1 or self.always:
            raise ValueError(f"no forecast of {context.id} at {context.cutoff}")
        if kind == 2:
            raise Unsupported("too short")
        mean = np.full((context.horizon, context.target.shape[1]), 1.0 * number(context))
        if kind == 3:
            mean[1] = np.nan
        return mean[:-1] if kind == 4 and context.cutoff % 2 else mean

@dataclass
class Mixed(LocalForecaster):
    """Points, medians, and quantiles of several levels, some of which cross."""

    def predict_series(self, context):
        kind, shape = number(context) % 4, (1, context.horizon, context.target.shape[1])
        mean = np.full(shape, float(np.nanmean(context.target)))
        spread = np.array([-1.0, 0.0, 1.0])
        if kind == 0:
            return Forecast.point(mean)
        if kind == 1:
            return Forecast(mean, LEVELS, mean[..., None] + spread)
        if kind == 2:
            return Forecast.quantiles_only((0.05, *LEVELS, 0.95), mean[..., None] + np.array([-2.0, *spread, 2.0]))
        return Forecast.quantiles_only(LEVELS, mean[..., None] + np.array([-1.0, 1e-12 * context.cutoff, 0.0]))

@dataclass
class Stochastic(LocalForecaster):
    seed: int = 0

    def predict_series(self, context):
        rng = np.random.default_rng([self.seed, zlib.crc32(context.id.encode()), context.cutoff])
        return rng.normal(size=(context.horizon, context.target.shape[1]))

@dataclass
class Crashing(LocalForecaster):
    """Ends its process at one series, or sleeps there."""

    at: int = 7
    sleeps: float = 0.0

    def predict_series(self, context):
        if number(context) == self.at:
            print("about to crash", flush=True)
            if self.sleeps:
                time.sleep(self.sleeps)
            else:
                os._exit(3)
        return np.zeros((context.horizon, context.target.shape[1]))

@dataclass
class Whole(Level):
    """Refuses a call with a certain series as a whole."""

    def fit(self, train):
        if "s8" in train.panel.ids:
            raise RuntimeError(f"it refuses s8 among {len(train.panel)} series")

@hookimpl
def harness_forecasters():
    classes = [Level, Slope, Failing, Mixed, Stochastic, Crashing, Whole]
    return [ForecasterSpec(each.__name__.lower(), each) for each in classes]
'''
COUNT = 13
CATALOG = load_catalog()


def waves(targets: int = 1, *, missing: bool = True) -> Panel:
    rng = np.random.default_rng(0)
    series = []
    for i in range(COUNT):
        length = 30 + 7 * (i % 5) if i != 4 else 6  # too short for any window
        values = 10 + np.sin(np.arange(length) * 2 * np.pi / 4)[:, None] + rng.normal(0, 0.3, (length, targets))
        if missing and i % 3 == 0:
            values[5:8] = np.nan
        series.append(values)
    channels = [Channel(f"v{i}") for i in range(targets)]
    return Panel.of(series, channels=channels, ids=[f"s{i}" for i in range(COUNT)], season_length=4)


LEVELS = (0.1, 0.5, 0.9)
TASKS = {
    "one fit": Task("waves", RollingOrigin(3, windows=4, min_context=8), quantile_levels=LEVELS),
    "refits": Task("waves", RollingOrigin(2, windows=4, min_context=8, refit=2, gap=1)),
    "a split": Task("waves", RollingOrigin(2, windows=3, min_context=8), split=TimeSplit(0.6, 0.1, 0.3)),
}
PANELS = {"one target": waves(), "two targets": waves(2), "complete": waves(missing=False)}


@dataclass
class Place:
    """A home with the panels, and the server of workers that find the plugin."""

    home: Path
    template: Path

    def planned(self, name: str, task: Task, panel: Panel, seed: int | None = None, **parameters: Json) -> PlannedCell:
        if name in CATALOG.forecasters:
            entry = CATALOG.forecasters[name]
            cell = Cell(task, name, parameters, seed)
            key = cell.key(panel.fingerprint(), forecaster_version(name, CATALOG.forecasters))
            imports = entry.spec.imports
            return PlannedCell(key, name, "waves", cell, panel.fingerprint(), imports, spec=planned_spec(entry, {}))
        cell = Cell(task, name, parameters, seed)
        provider = Provider("toys", "toys", "toys", "parts_plugin")
        spec, fingerprint = PlannedSpec(provider=provider, per_series=seed is not None or None), panel.fingerprint()
        return PlannedCell(cell.key(fingerprint, "toys==1"), name, "waves", cell, fingerprint, spec=spec)

    def whole(self, planned: PlannedCell, options: CellOptions | None = None) -> Run:
        return evaluate_cell(planned, self.home, self.template, options)

    def in_parts(self, planned: PlannedCell, borders: list[int], options: CellOptions | None = None) -> Run:
        """The run of a cell that is evaluated in these parts, in another order than that of its series."""
        parts = tuple(Part(first, last) for first, last in pairwise(borders))
        StoredParts(self.home, planned.key).write_plan(PartsPlan(parts, parts[1:]))
        while isinstance(split := run_cell(planned, self.home, self.template, options), Split):
            ended = run_cell(replace(planned, part=split.parts[-1]), self.home, self.template, options)
            assert isinstance(ended, PartEnd)
        assert isinstance(split, Run)
        stored = Journal(self.home).read_with_results(planned.key)
        assert stored is not None
        return stored


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("parts")
    (folder / "parts_plugin.py").write_text(PLUGIN)
    for panel in PANELS.values():
        store_panel(panel, folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder))
        patch.setattr(Provider, "is_unchanged", lambda self: True)
        patch.setattr(cell_parts, "LEAST_SERIES", 4)
        patch.setattr(cell_parts, "FIRST_SERIES", 2)
        server = TemplateServer()
        yield Place(folder / "home", server.ensure())
        server.close()


def told(run: Run) -> dict[str, Any]:
    """What a run says but for times, memory, the processes that it left, and the number of its parts."""
    table = run.to_json()
    costs = {name: table["costs"][name] for name in ("fits", "parameters")}
    left_out = ("costs", "audit", "started", "finished", "provenance", "notes")
    notes = [note for note in run.notes if not note.startswith(("evaluated in", "it left a process"))]
    return {**{name: value for name, value in table.items() if name not in left_out}, "costs": costs, "notes": notes}


def assert_same(run: Run, whole: Run) -> None:
    assert told(run) == told(whole)
    assert (run.results is None) == (whole.results is None)
    if run.results is None or whole.results is None:
        return
    first, second = run.results, whole.results
    assert first.forecast.origins == second.forecast.origins
    assert first.forecast.quantile_levels == second.forecast.quantile_levels
    assert (first.forecast.median is first.forecast.mean) == (second.forecast.median is second.forecast.mean)
    for name in ("mean", "median", "quantiles"):
        np.testing.assert_array_equal(getattr(first.forecast, name), getattr(second.forecast, name))
    assert list(first.terms) == list(second.terms)
    for name in first.terms:
        np.testing.assert_array_equal(first.terms[name].numerators, second.terms[name].numerators)
        np.testing.assert_array_equal(first.terms[name].denominators, second.terms[name].denominators)


def some_borders(seed: int) -> list[int]:
    """The borders of a random number of parts, of which each has windows: s4 has none."""
    rng = np.random.default_rng(seed)
    inner = rng.choice(np.delete(np.arange(1, COUNT), 4), rng.integers(1, 7), replace=False)
    return [0, *sorted(inner.tolist()), COUNT]


TOYS = ("level", "slope", "failing", "mixed", "stochastic")
FORECASTERS: dict[str, dict[str, Json]] = {
    **{name: {} for name in TOYS},
    "theta": {},
    "dynamic-optimized-theta": {},
    "mstl": {},
    "comb": {},
    "ets": {"trend": None, "seasonal": None},
    "auto-arima": {"max_p": 1, "max_q": 0},
}


def panels_of(name: str, task: str) -> list[str]:
    """The panels on which a forecaster is tried: all for toys, another one in each task for those that take long."""
    if name == "auto-arima":
        return ["one target"]
    return [*PANELS] if name in TOYS else [[*PANELS][[*TASKS].index(task)]]


class TestSameRun:
    @pytest.mark.parametrize("task", TASKS)
    @pytest.mark.parametrize("name", FORECASTERS)
    def test_in_any_parts(self, place: Place, name: str, task: str) -> None:
        for number, kind in enumerate(panels_of(name, task)):
            parameters = FORECASTERS[name]
            seed = 3 if name == "stochastic" else None
            planned = place.planned(name, TASKS[task], PANELS[kind], seed, **parameters)
            whole = place.whole(planned)

            run = place.in_parts(planned, some_borders(number + 10 * len(task)))

            assert_same(run, whole)
            assert run.costs.parts > 1
            assert whole.costs.parts == 1

    def test_remarks_count_all_parts_and_warnings_are_the_first_of_all(self, place: Place) -> None:
        planned = place.planned("slope", TASKS["one fit"], PANELS["one target"])

        run = place.in_parts(planned, [0, 2, 3, 7, COUNT])

        assert "5 of 12 are thirds" in run.notes  # s4 has no window
        assert [note for note in run.notes if note.startswith("warning")] == [
            f"warning: UserWarning: the fit of s{i} is odd" for i in (1, 5, 9)
        ] + [f"warning: UserWarning: the forecast of s{i} is odd" for i in (2, 7)]
        assert run.notes[-1] == "evaluated in 4 parts: times are sums over them, and the peak memory is the largest"

    def test_where_every_window_failed(self, place: Place) -> None:
        planned = place.planned("failing", TASKS["one fit"], PANELS["one target"], always=True)
        whole = place.whole(planned)

        run = place.in_parts(planned, [0, 3, 9, COUNT])

        assert run.status is Status.FAILED
        assert run.reason == "every window: ValueError: no forecast of s0 at 18"
        assert_same(run, whole)

    def test_where_a_call_fails_as_a_whole_it_is_evaluated_as_a_whole(self, place: Place) -> None:
        planned = place.planned("whole", TASKS["one fit"], PANELS["one target"])
        planned = replace(planned, spec=replace(planned.spec, per_series=True))
        whole = place.whole(planned)

        run = place.in_parts(planned, [0, 3, 9, COUNT])

        assert run.reason == "RuntimeError: it refuses s8 among 12 series"
        assert run.costs.parts == 1
        assert_same(run, whole)


class TestFailures:
    def test_a_crash_ends_the_cell_and_no_later_part_is_pending(self, place: Place) -> None:
        planned = place.planned("crashing", TASKS["one fit"], PANELS["one target"])
        whole, stored = place.whole(planned), StoredParts(place.home, planned.key)
        parts = [Part(0, 3), Part(3, 6), Part(6, 9), Part(9, COUNT)]
        stored.write_plan(PartsPlan(tuple(parts)))

        ended = run_cell(replace(planned, part=parts[2]), place.home, place.template)

        assert ended == PartEnd(is_last=True)
        assert run_cell(planned, place.home, place.template) == Split((parts[0], parts[1]))
        for part in parts[:2]:
            run_cell(replace(planned, part=part), place.home, place.template)
        run = run_cell(planned, place.home, place.template)
        assert isinstance(run, Run)
        assert run.status is Status.CRASHED
        assert told(run) == told(whole)

    def test_the_limit_of_time_is_that_of_all_parts_together(self, place: Place) -> None:
        options = CellOptions(limits=Limits(seconds=3.0))
        planned = place.planned("crashing", TASKS["one fit"], PANELS["one target"], sleeps=1.0)

        run = place.in_parts(planned, [0, 7, 8, COUNT], options)

        assert run.status is Status.TIMED_OUT  # four windows sleep for a second each
        assert "it took more than 3 s" in run.reason

    def test_a_fault_of_the_machine_makes_no_run_of_a_part(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])
        stored = StoredParts(place.home, planned.key)
        stored.write_plan(PartsPlan((Part(0, 5), Part(5, COUNT))))

        def killed(*_: object, **__: object) -> None:
            raise InfrastructureFault("its process was killed")

        with monkeypatch.context() as patch:
            patch.setattr(cell_parts, "in_worker", killed)
            with pytest.raises(InfrastructureFault, match="killed"):
                run_cell(replace(planned, part=Part(0, 5)), place.home, place.template)

        assert stored.end(Part(0, 5)) is None
        stored.remove()


class TestStored:
    def test_parts_are_removed_with_the_record(self, place: Place) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])

        place.in_parts(planned, [0, 6, COUNT])

        assert planned.key not in cells_in_parts(place.home)

    def test_a_damaged_part_is_pending_again(self, place: Place) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])
        stored, parts = StoredParts(place.home, planned.key), (Part(0, 5), Part(5, COUNT))
        stored.write_plan(PartsPlan(parts))
        for part in parts:
            run_cell(replace(planned, part=part), place.home, place.template)
        (file,) = (stored.folder / parts[1].name).glob("*.npy")
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)

        assert run_cell(planned, place.home, place.template) == Split(parts[1:])
        stored.remove()

    def test_a_damaged_plan_is_made_again(self, place: Place) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])
        stored = StoredParts(place.home, planned.key)
        stored.write_plan(PartsPlan((Part(0, 5), Part(5, COUNT))))
        (stored.folder / "plan.json").write_text("{")

        assert stored.plan() is None
        assert not stored.folder.exists()
        assert isinstance(run_cell(planned, place.home, place.template), Run)


class TestWhichCells:
    def is_split(self, place: Place, planned: PlannedCell, monkeypatch: pytest.MonkeyPatch, **options: Any) -> bool:
        monkeypatch.setattr(cell_parts, "PART_SECONDS", 1e-9)
        outcome = run_cell(planned, place.home, place.template, CellOptions(**options))
        StoredParts(place.home, planned.key).remove()
        return isinstance(outcome, Split)

    def test_local_forecasters_are(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("level", "slope", "theta"):
            planned = place.planned(name, TASKS["one fit"], PANELS["one target"])

            assert self.is_split(place, planned, monkeypatch)

    def test_others_are_not(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        one_fit, panel = TASKS["one fit"], PANELS["one target"]
        level = place.planned("level", one_fit, panel)

        assert not self.is_split(place, place.planned("whole", one_fit, panel), monkeypatch)  # it has a fit of its own
        assert not self.is_split(place, place.planned("naive", one_fit, panel), monkeypatch)
        assert not self.is_split(place, replace(level, spec=replace(level.spec, per_series=False)), monkeypatch)
        assert not self.is_split(place, replace(level, spec=replace(level.spec, batches="cutoff")), monkeypatch)
        assert not self.is_split(place, level, monkeypatch, strict=True)
        assert not self.is_split(place, level, monkeypatch, parts=False)

    def test_a_stochastic_one_is_only_where_its_spec_says_so(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planned = place.planned("stochastic", TASKS["one fit"], PANELS["one target"], 1)

        assert self.is_split(place, planned, monkeypatch)
        unstated = replace(planned, spec=replace(planned.spec, per_series=None))
        assert not self.is_split(place, unstated, monkeypatch)

    def test_panels_of_few_series_are_not(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])
        monkeypatch.setattr(cell_parts, "LEAST_SERIES", COUNT)  # of which one has no window

        assert not self.is_split(place, planned, monkeypatch)

    def test_one_that_is_quick_has_two_parts_and_a_run_at_once(self, place: Place) -> None:
        planned = place.planned("level", TASKS["one fit"], PANELS["one target"])

        run = run_cell(planned, place.home, place.template)

        assert isinstance(run, Run)
        assert run.costs.parts in (1, 2)
