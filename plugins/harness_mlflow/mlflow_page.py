"""MLflow's page, with the settings of the browser made before its script runs."""

from __future__ import annotations

import hashlib
import json
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from harness import HarnessError
from harness_mlflow.pages import FRESH, Served, board_address
from harness_mlflow.views import BOARD, CELLS, SHARED

if TYPE_CHECKING:
    from mlflow import MlflowClient

SCRIPT = "mlflow_page.js"


class MlflowPage:
    """The page that loads MLflow's application in the browser."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
        self._client: MlflowClient | None = None

    def show(self, request: Request) -> Response:
        """MLflow's page, preceded by our script."""
        import mlflow.server

        file = Path(mlflow.server.__file__).parent / mlflow.server.REL_STATIC_DIR / "index.html"
        head, found, rest = file.read_text(encoding="utf-8").partition("<script")
        return HTMLResponse(f"{head}<script>{self._script()}</script>{found}{rest}", headers=FRESH)

    def _script(self) -> str:
        source = (resources.files("harness_mlflow") / SCRIPT).read_text(encoding="utf-8")
        try:
            found, pages = self._views(), self._pages()
        except HarnessError:  # the index cannot be read, such as one of a later version; MLflow's page needs none
            found, pages = {}, {}
        views, addresses = (json.dumps(values).replace("<", "\\u003c") for values in (found, pages))
        return source.replace("/* views */ {}", views).replace("/* pages */ {}", addresses)

    def _pages(self) -> dict[str, str]:
        """The address of each board's page, by the run that holds its copy."""
        return {sent.page: f"/{board_address(board)}" for board, sent in self.served.boards().items() if sent.page}

    def _views(self) -> dict[str, dict[str, Any]]:
        """The views with which the experiments of boards open, and a digest of each, by experiment."""
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        if self._client is None:
            self._client = MlflowClient(self._uri)
        found = {}
        for sent in self.served.boards().values():
            for experiment, name in ((sent.experiment, BOARD), (sent.cells_experiment, CELLS)):
                try:
                    view = self._client.get_experiment(experiment).tags[SHARED + name]
                    state = json.loads(view)
                except (MlflowException, KeyError):  # it was deleted, or its standings were not sent yet
                    continue
                except ValueError:  # someone else changed it: a store may be shared
                    continue
                digest = hashlib.sha256(view.encode()).hexdigest()[:16]
                found[experiment] = {"digest": digest, "state": state}
        return found
