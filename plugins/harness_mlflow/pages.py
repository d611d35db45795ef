"""The pages of `harness ui`: the list of boards and each board, made from the journal, and links to MLflow's pages."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

import harness
from harness import HarnessError, Journal, StoredPlan, standings_path, stored_plans
from harness_mlflow.index import MirroredBoard, sent_boards
from harness_mlflow.place import Place
from harness_mlflow.views import BOARD, CELLS, view_page

HOME, STORE, MLFLOW = "HARNESS_UI_HOME", "HARNESS_UI_STORE", "HARNESS_UI_MLFLOW"  # environment variables
EXPERIMENTS = "#/experiments"  # MLflow's page of all experiments
ALL_BOARDS = "All boards"
FRESH = {"Cache-Control": "no-cache"}


@dataclass(frozen=True)
class Served:
    """What a server of pages shows, as the command that starts it says by environment variables."""

    home: Path
    store: str  # the name of the MLflow store in the index
    mlflow: str  # the address of MLflow's page

    @classmethod
    def by_command(cls) -> Served:
        """What the command says."""
        return cls(Path(os.environ[HOME]), os.environ[STORE], os.environ[MLFLOW])

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables that say it."""
        return {HOME: str(self.home), STORE: self.store, MLFLOW: self.mlflow}

    def boards(self) -> dict[str, MirroredBoard]:
        """What MLflow holds of each board."""
        return sent_boards(Place(self.home), self.store)


class Pages:
    """The pages of a home, each made again when results have changed."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._journal = Journal(served.home)
        self._made: dict[str | None, tuple[Hashable, str | None]] = {}  # by board; None: the list of boards
        self._lock = threading.Lock()  # one page is made at a time

    def routes(self) -> list[Route]:
        """The routes of these pages."""
        return [Route("/", self.show_home), Route("/boards/{name:path}", self.show_board)]

    def show_home(self, request: Request) -> Response:
        """The list of boards."""
        return self._answer(None, self._home_page)

    def show_board(self, request: Request) -> Response:
        """A board's page."""
        name = str(request.path_params["name"])
        return self._answer(name, lambda: self._board_page(name))

    def _answer(self, name: str | None, make: Callable[[], str | None]) -> Response:
        try:
            plans = {plan.name: plan for plan in stored_plans(self.served.home)}
            if name is not None and name not in plans:
                return PlainTextResponse(f"no board called {name!r} was run with this home", 404)
            with self._lock:
                sent = self.served.boards()
                shown = [plan for plan in plans.values() if name in (None, plan.name)]
                state = self._downloads(), *(self._state(plan, sent.get(plan.name)) for plan in shown)
                made = self._made.get(name)
                if made is None or made[0] != state:
                    made = self._made[name] = state, make()
                text = made[1]
        except HarnessError as error:
            return PlainTextResponse(str(error), 500)
        except Exception:  # a fault of ours: the server goes on, and its log has the details
            traceback.print_exc()
            return PlainTextResponse("this page could not be made; server.log in the home has the details", 500)
        if text is None:
            return PlainTextResponse(f"board {name!r} has no results yet", 404)
        return HTMLResponse(text, headers=FRESH)

    def _state(self, plan: StoredPlan, sent: MirroredBoard | None) -> Hashable:
        """What changes when results of a board, its costs or its runs in MLflow do."""
        path = standings_path(self.served.home, plan.name)
        cells = tuple(self._journal.modified(cell.key) for cell in plan.cells)
        files = tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in (path, path.with_name("plan.json")))
        return plan.name, files, () if sent is None else (sent.experiment, sent.cells_experiment), cells

    def _downloads(self) -> int:
        """What changes when a file of a dataset is downloaded, which boards without results may need."""
        folder = self.served.home / "data"
        return folder.stat().st_mtime_ns if folder.is_dir() else 0

    def _home_page(self) -> str:
        sent = self.served.boards()
        links = {
            plan.name: {"Standings": f"/{board_address(plan.name)}", **dict(self._links(sent.get(plan.name)))}
            for plan in stored_plans(self.served.home)
        }
        return harness.home_page(self.served.home, links, {"Experiments in MLflow": self.served.mlflow + EXPERIMENTS})

    def _board_page(self, name: str) -> str | None:
        links = {ALL_BOARDS: "/", **dict(self._links(self.served.boards().get(name)))}
        page: str | None = harness.board_page(name, self.served.home, links)
        return page

    def _links(self, sent: MirroredBoard | None) -> Iterator[tuple[str, str]]:
        """Links to a board's runs in MLflow."""
        if sent is not None and sent.experiment:
            yield "Forecasters in MLflow", self.served.mlflow + view_page(sent.experiment, BOARD)
            yield "Cells in MLflow", self.served.mlflow + view_page(sent.cells_experiment, CELLS)


def board_address(name: str) -> str:
    """The address of a board's page on its server."""
    return f"boards/{quote(name, safe='')}"
