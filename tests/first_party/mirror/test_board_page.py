"""The page of a board among the artifacts in MLflow, and boards and forecasters of any name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow_boards import CELL_NAMES, HILLS, client_of, fill, html_of, pages_of, runs_of
from mlflow_homes import mirror

import harness
from harness import board_page, stored_plans, stored_standings
from harness.boards.leaderboard import Entry
from harness_mlflow import views
from harness_mlflow.index import Index, backlog
from harness_mlflow.place import Place

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # MLflow leaves its engines to the collector


class TestPage:
    def test_the_board_lies_among_the_artifacts_and_is_linked(self, mirrored: Path) -> None:
        (run,) = pages_of(mirrored)
        client = client_of(mirrored)
        link = views.artifact_page(run.info.experiment_id, run.info.run_id, "board.html")

        assert html_of(mirrored) == board_page("hills", mirrored)
        assert (run.info.run_name, run.info.status) == ("hills", "FINISHED")
        assert link in client.get_experiment_by_name("hills").tags["mlflow.note.content"]
        assert all(link in row.data.tags["mlflow.note.content"] for row in runs_of(mirrored, "hills").values())

    def test_it_is_among_neither_the_cells_nor_the_forecasters(self, mirrored: Path) -> None:
        assert set(runs_of(mirrored, "hills · cells")) == set(CELL_NAMES)
        assert set(runs_of(mirrored, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert set(runs_of(mirrored, views.PAGES)) == {"hills", "waves"}

    def test_one_that_an_earlier_version_wrote_among_the_cells_goes(self, sent: Path) -> None:
        index, client = Index(Place(sent)), client_of(sent)
        board = index.board("hills")
        tags = {"board": "hills", "harness.kind": "page", "harness.home": Place(sent).identity()}
        client.create_run(board.cells_experiment, tags=tags, run_name="page")
        client.delete_experiment(board.pages_experiment)
        board.pages_experiment = ""
        index.save()

        mirror(sent)

        assert set(runs_of(sent, "hills · cells")) == set(CELL_NAMES)
        assert html_of(sent) == board_page("hills", sent)

    def test_new_standings_replace_it(self, sent: Path) -> None:
        (before,) = pages_of(sent)
        computed = stored_standings(sent, "hills")
        assert computed is not None
        replace(computed, title="Hills without vales").save(sent)

        mirror(sent)

        (after,) = pages_of(sent)
        assert after.info.run_id == before.info.run_id
        assert "Hills without vales" in html_of(sent)

    def test_where_it_was_lost_it_is_made_again(self, sent: Path) -> None:
        (lost,) = pages_of(sent)
        client_of(sent).delete_run(lost.info.run_id)
        (sent / "mlflow" / "mirrored.json").unlink()

        mirror(sent)

        (run,) = pages_of(sent)
        assert run.info.run_id != lost.info.run_id
        assert html_of(sent) == board_page("hills", sent)
        notes = [row.data.tags["mlflow.note.content"] for row in runs_of(sent, "hills").values()]
        assert all(run.info.run_id in note and lost.info.run_id not in note for note in notes)

    @pytest.mark.parametrize("outcome", [None, RuntimeError("no ink")])
    def test_without_a_page_the_board_is_mirrored_all_the_same(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, outcome: Exception | None
    ) -> None:
        def none(board: str, home: Path) -> None:
            if outcome is not None:
                raise outcome

        monkeypatch.setattr(harness, "board_page", none)

        mirror(home)

        assert pages_of(home) == []
        assert set(runs_of(home, "hills")) == {"last", "drawn", "last (wide)", "unfit"}
        assert "board.html" not in client_of(home).get_experiment_by_name("hills").tags["mlflow.note.content"]


class TestOddNames:
    NAMES = ("<script>alert(1)</script>", "it's", 'a "b"', 'it\'s "both"', "a/b c", "100 % _x_ *y*", "two\nlines")
    ODDER = ("half \ud800", "nothing \0", "long " * 2000, "[x](javascript:alert(1))", "'; DROP TABLE runs; --")

    def test_a_forecasters_cells_are_found_whatever_it_is_called(self, home: Path) -> None:
        entries = tuple(Entry("last", name, {"spread": 1.0 + k}) for k, name in enumerate(self.NAMES))
        fill(home, "hills", replace(HILLS, forecasters=(Entry("last"), *entries)))

        mirror(home)

        client, cells = client_of(home), client_of(home).get_experiment_by_name("hills · cells")
        assert set(runs_of(home, "hills")) == {"last", *self.NAMES}
        for name in self.NAMES:
            view = json.loads(cells.tags[f"mlflow.sharedViewState.{views.cells_of(name)}"])
            (found,) = client.search_runs([cells.experiment_id], view["searchFilter"])
            assert found.info.run_name == f"{name} · hills"

    def test_boards_and_their_parts_may_have_any_name(self, home: Path) -> None:
        entries = tuple(Entry("last", name, {"spread": 2.0 + k}) for k, name in enumerate(self.ODDER))
        tasks = tuple(replace(HILLS.tasks[0], name=f"{name[:300]} {k}") for k, name in enumerate(self.ODDER))
        board = replace(HILLS, title="<b>t</b>", forecasters=(Entry("last"), *entries), tasks=tasks, seeds=1)
        fill(home, 'a "b" 100% <i>', replace(board, description="<script>alert(1)</script>"))

        mirror(home)

        client = client_of(home)
        experiment = client.get_experiment_by_name('a "b" 100% <i>')
        assert len(client.search_runs([experiment.experiment_id])) == 1 + len(self.ODDER)
        assert "<script>" not in experiment.tags["mlflow.note.content"]
        json.loads(experiment.tags["mlflow.sharedViewState.harness"])
        assert not backlog(Place(home)).work

    def test_the_description_names_machines_whose_times_are_not_comparable(self, home: Path) -> None:
        (plan,) = (plan for plan in stored_plans(home) if plan.name == "hills")
        standings = stored_standings(home, "hills")
        assert standings is not None

        notes = [
            views.board_note(plan, replace(standings, machines=machines), "1", "2", "")
            for machines in (("EPYC, 4 cores",), ("EPYC, 4 cores", "Xeon, 64 cores"))
        ]

        line = "- times of runs are not comparable: the cells ran on EPYC, 4 cores and on Xeon, 64 cores"
        assert [line in note for note in notes] == [False, True]

    def test_descriptions_show_texts_as_they_are(self) -> None:
        assert views.plain("<script>x</script> *a* _b_ `c`\n& [d](e)") == (
            "&lt;script&gt;x&lt;/script&gt; \\*a\\* \\_b\\_ \\`c\\` &amp; \\[d\\](e)"
        )
        assert views.plain("at 12:30 :smile: \x1b") == "at 12:30 &#58;smile: \\\\x1b"
