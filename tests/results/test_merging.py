"""Merged journals: each cell once, whatever the order; what is not deterministic is kept aside, and nothing is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import Actuals, Forecast, Journal, Results, RollingOrigin, Run, Status, Task
from harness.data.storage import read_checked_json, write_checked_json
from harness.evaluation.run import Cell, Costs
from harness.evaluation.scoring import Terms
from harness.results import merging
from harness.results.journal import prepare_home
from harness.results.merging import Merge, merge_journals

TASK = Task("toy", RollingOrigin(2, windows=3), quantile_levels=(0.1, 0.5, 0.9))
KEYS = [f"{i:032x}" for i in range(6)]


def run(key: str = KEYS[0], shift: float = 0.0, second: int = 1, **changes: object) -> Run:
    """A run whose forecasts are shifted by so much."""
    mean = np.arange(1.0, 7.0).reshape(3, 2, 1) + shift
    forecast = Forecast(mean, (0.1, 0.5, 0.9), mean[..., None] + np.array([-1.0, 0.0, 1.0]))
    terms = {"MAE": Terms(np.arange(3.0)[:, None] + shift, np.ones((3, 1)))}
    found = Run(
        Cell(TASK, "naive"),
        Status.COMPLETED,
        key,
        scores={"MAE": 1.0 + shift},
        windows=3,
        costs=Costs(float(second)),
        started="2001-01-01T00:00:00.000+00:00",
        finished=f"2001-01-01T00:00:0{second}.000+00:00",
        provenance={"machine": {"name": f"m{second}"}},
        results=Results(forecast, terms, np.array([0, 0, 1]), np.array([5, 7, 5])),
    )
    found = replace(found, **changes)  # type: ignore[arg-type]
    return found if found.status is Status.COMPLETED else replace(found, results=None, scores={})


def home(path: Path, *runs: Run) -> Path:
    for each in runs:
        Journal(prepare_home(path)).write(each)
    return prepare_home(path)


def merge(sources: Sequence[Path], into: Path, tolerance: float = 1e-5) -> Merge:
    return merge_journals(sources, prepare_home(into), lambda run: tolerance)


def content(folder: Path) -> dict[str, bytes]:
    """All files of a home's cells, actuals and conflicts."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for part in ("journal/cells", "journal/actuals", "conflicts")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file()
    }


def test_cells_of_all_homes_are_in_one(tmp_path: Path) -> None:
    sources = [home(tmp_path / name, run(key)) for name, key in zip("ab", KEYS, strict=False)]
    before = [content(source) for source in sources]

    merged = merge(sources, tmp_path / "into")

    journal = Journal(tmp_path / "into")
    assert list(journal.keys()) == KEYS[:2]
    assert (merged.copied, merged.conflicts, merged.problems) == (2, [], [])
    read = journal.read_with_results(KEYS[1])
    assert read is not None
    assert read.results is not None
    assert read.results.forecast.mean[0, 1, 0] == 2.0
    assert [content(source) for source in sources] == before
    assert content(tmp_path / "into") == {**before[0], **before[1]}


def test_equal_results_are_kept_once_whatever_they_cost(tmp_path: Path) -> None:
    sources = [home(tmp_path / str(second), run(second=second)) for second in (3, 1, 2)]

    merged = merge(sources, tmp_path / "into")

    assert (merged.copied, merged.equal, merged.close, merged.conflicts) == (1, 1, 0, [])
    kept = Journal(tmp_path / "into").read(KEYS[0])
    assert kept is not None
    assert kept.costs.fit_seconds == 1.0  # the earliest


def test_results_within_the_tolerance_are_no_conflict(tmp_path: Path) -> None:
    sources = [home(tmp_path / "a", run()), home(tmp_path / "b", run(shift=1e-7, second=2))]

    assert merge(sources, tmp_path / "into").close == 1
    assert len(merge(sources, tmp_path / "strictly", tolerance=1e-9).conflicts) == 1


def test_different_results_are_kept_aside_and_the_cell_is_pending(tmp_path: Path) -> None:
    first, second = home(tmp_path / "a", run(), run(KEYS[1])), home(tmp_path / "b", run(shift=0.5, second=2))

    merged = merge([first, second], tmp_path / "into")

    journal = Journal(tmp_path / "into")
    (conflict,) = merged.conflicts
    assert list(journal.keys()) == [KEYS[1]]
    assert [each.record.run.provenance["machine"] for each in conflict.runs] == [{"name": "m1"}, {"name": "m2"}]
    kept = {folder.name for folder in (tmp_path / "into" / "conflicts" / KEYS[0]).iterdir()}
    assert kept == {Journal(first).digest(KEYS[0]), Journal(second).digest(KEYS[0])}


def test_a_conflict_with_the_home_itself_takes_its_run_out_of_the_journal(tmp_path: Path) -> None:
    into, other = home(tmp_path / "into", run()), home(tmp_path / "other", run(shift=0.5, second=2))

    merged = merge([other], into)

    assert len(merged.conflicts) == 1
    assert list(Journal(into).keys()) == []
    assert len(list((into / "conflicts" / KEYS[0]).iterdir())) == 2


def test_a_conflict_lasts_until_the_cell_is_run_again(tmp_path: Path) -> None:
    sources = [home(tmp_path / "a", run()), home(tmp_path / "b", run(shift=0.5, second=2))]
    into = tmp_path / "into"
    merge(sources, into)

    again = merge(sources, into)
    third = merge([home(tmp_path / "c", run(second=3))], into)
    Journal(into).write(run(second=9))
    resolved = merge(sources, into)

    assert [len(each.conflicts) for each in (again, third, resolved)] == [1, 1, 0]
    assert (again.known, resolved.known) == (2, 2)
    assert len(list((into / "conflicts" / KEYS[0]).iterdir())) == 3
    kept = Journal(into).read(KEYS[0])
    assert kept is not None
    assert kept.finished.endswith("09.000+00:00")


@pytest.mark.parametrize("status", merging.OF_THE_MACHINE)
def test_a_result_replaces_a_failure_of_the_machine(tmp_path: Path, status: Status) -> None:
    into = home(tmp_path / "into", run(status=status))
    sources = [home(tmp_path / "a", run(second=2)), home(tmp_path / "b", run(second=3, status=Status.TIMED_OUT))]

    merged = merge(sources, into)

    assert (merged.conflicts, merged.close) == ([], 1)
    kept = Journal(into).read(KEYS[0])
    assert kept is not None
    assert kept.status is Status.COMPLETED


def test_failures_are_equal_whatever_paths_their_reasons_name(tmp_path: Path) -> None:
    sources = [home(tmp_path / name, run(status=Status.FAILED, reason=f"/{name}: no such file")) for name in "ab"]

    assert merge(sources, tmp_path / "into").conflicts == []


def test_a_failure_and_a_result_are_a_conflict(tmp_path: Path) -> None:
    sources = [home(tmp_path / "a", run(status=Status.FAILED)), home(tmp_path / "b", run(second=2))]

    assert len(merge(sources, tmp_path / "into").conflicts) == 1


def test_a_strict_run_replaces_another_one(tmp_path: Path) -> None:
    sources = [home(tmp_path / "a", run()), home(tmp_path / "b", run(shift=1e-3, second=2, strict=True))]

    merged = merge(sources, tmp_path / "into")

    kept = Journal(tmp_path / "into").read(KEYS[0])
    assert kept is not None
    assert kept.strict
    assert merged.conflicts == []


def test_scores_by_other_versions_of_a_metric_are_not_compared(tmp_path: Path) -> None:
    scores = {"MAE": 1.0, "mine": 1.0}
    sources = [
        home(tmp_path / "a", run(scores=scores, provenance={"metrics": {"mine": "1"}})),
        home(tmp_path / "b", run(second=2, scores={**scores, "mine": 2.0}, provenance={"metrics": {"mine": "2"}})),
    ]

    assert merge(sources, tmp_path / "into").conflicts == []


@pytest.mark.parametrize("file", ["record.json", "mean.npy"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "lost"])
def test_a_damaged_source_is_reported_and_left(tmp_path: Path, file: str, damage: str) -> None:
    source = home(tmp_path / "a", run(), run(KEYS[1]))
    (path,) = (Journal(source).cells / KEYS[0]).glob(f"*{file}")
    if damage == "flipped":
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        path.write_bytes(data)
    elif damage == "truncated":
        os.truncate(path, 10)
    else:
        path.unlink()
    before = content(source)

    merged = merge([source], tmp_path / "into")

    assert list(Journal(tmp_path / "into").keys()) == [KEYS[1]]
    lost_record = (file, damage) == ("record.json", "lost")  # as of a run that was interrupted: no cell
    assert len(merged.problems) == (0 if lost_record else 1)
    assert all(str(Journal(source).cells / KEYS[0]) in problem for problem in merged.problems)
    assert content(source) == before
    assert not (source / "damaged").exists()


def test_damage_is_found_before_any_different_result_is_kept_aside(tmp_path: Path) -> None:
    into = home(tmp_path / "into", run(status=Status.FAILED, strict=True))
    sources = [home(tmp_path / "a", run(second=2, strict=True)), home(tmp_path / "b", run(second=3))]
    (path,) = (Journal(sources[1]).cells / KEYS[0]).glob("*mean.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    before = content(into)

    first, again = merge(sources, into), merge(sources, into)

    assert content(into) == before
    assert [len(each.problems) for each in (first, again)] == [1, 1]


def test_a_damaged_run_of_the_home_is_replaced_by_that_of_a_source(tmp_path: Path) -> None:
    into, source = home(tmp_path / "into", run()), home(tmp_path / "a", run(second=2))
    next((Journal(into).cells / KEYS[0]).glob("*mean.npy")).unlink()

    merged = merge([source], into)

    assert merged.copied == 1
    assert len(list((into / "damaged").iterdir())) == 1
    assert content(into) == content(source)


@pytest.mark.parametrize("place", ["source", "into"])
def test_a_record_of_a_later_version_is_left(tmp_path: Path, place: str) -> None:
    homes = {"source": home(tmp_path / "a", run(second=2)), "into": home(tmp_path / "into", run())}
    path = Journal(homes[place]).cells / KEYS[0] / "record.json"
    fields = read_checked_json(path, 99)
    assert fields is not None
    write_checked_json(path, {name: value for name, value in fields.items() if name != "schema"}, 99)
    before = content(homes["into"])

    merged = merge([homes["source"]], homes["into"])

    assert content(homes["into"]) == before
    assert len(merged.problems) == 1
    assert "later version" in merged.problems[0]


def test_actuals_are_copied_once(tmp_path: Path) -> None:
    sources = [home(tmp_path / name, run()) for name in "ab"]
    actuals = Actuals(
        ("a", "b"),
        np.array([0, 0, 1]),
        np.array([5, 7, 5]),
        np.array([0, 1, 0]),
        np.zeros((3, 2, 1)),
        (0.1, 0.5, 0.9),
        ("y",),
        _scales={1: np.ones((3, 1)), 2: np.ones((3, 1))},
    )
    for source in sources:
        Journal(source).write_actuals("aa", TASK, actuals)

    first, again = (merge(sources, tmp_path / "into") for _ in range(2))

    assert (first.actuals, again.actuals) == (1, 0)
    assert Journal(tmp_path / "into").has_actuals("aa", TASK)


RUNS = st.builds(
    lambda key, shift, second, strict, status: run(key, shift, second, strict=strict, status=status),
    st.sampled_from(KEYS[:3]),
    st.sampled_from([0.0, 1e-8, 0.5]),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from([Status.COMPLETED, Status.COMPLETED, Status.FAILED, Status.TIMED_OUT]),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(RUNS, max_size=4), min_size=2, max_size=3))
def test_merging_is_idempotent_and_the_order_of_homes_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, homes: list[list[Run]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("merging")
    sources = [home(tmp_path / f"source-{i}", *runs) for i, runs in enumerate(homes)]

    results = []
    for i, order in enumerate(permutations(sources)):
        merge(order, tmp_path / f"into-{i}")
        results.append(content(tmp_path / f"into-{i}"))
        merge(order, tmp_path / f"into-{i}")
        assert content(tmp_path / f"into-{i}") == results[-1]

    assert all(result == results[0] for result in results)
    merged = {key for source in sources for key in Journal(source).keys()}  # noqa: SIM118
    kept = {key for key in merged if Journal(tmp_path / "into-0").has(key)}
    assert merged - kept == {path.name for path in (tmp_path / "into-0" / "conflicts").glob("*")}
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("step", range(1, 9))
def test_an_interrupted_merge_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The merge stops at each of its file operations in turn."""
    sources = [home(tmp_path / "a", run(), run(KEYS[1])), home(tmp_path / "b", run(shift=0.5, second=2))]
    shutil.copytree(home(tmp_path / "into", run(second=3)), tmp_path / "whole")
    merge(sources, tmp_path / "whole")
    steps = iter(range(1, 1000))

    def stops(function):
        def called(*arguments, **options):
            if next(steps) == step:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return called

    with monkeypatch.context() as patched:
        patched.setattr(merging, "_copy", stops(merging._copy))
        patched.setattr(merging.shutil, "rmtree", stops(shutil.rmtree))
        patched.setattr(merging, "sync", stops(merging.sync))
        with pytest.raises(KeyboardInterrupt):
            merge(sources, tmp_path / "into")

    assert len(merge(sources, tmp_path / "into").conflicts) == 1
    assert content(tmp_path / "into") == content(tmp_path / "whole")
