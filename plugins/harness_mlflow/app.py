"""The servers of `harness ui`: MLflow's own with our pages before it, or our pages alone.

`mlflow server --app-name harness` finds `with_mlflow` by its entry point in the group `mlflow.app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

ASSISTANT = "/ajax-api/3.0/mlflow/assistant/{rest:path}"  # MLflow's assistant, which runs programs on this machine
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def with_mlflow() -> Starlette:
    """MLflow's application, with our pages before its own, and its page at /mlflow."""
    from mlflow.server.fastapi_app import create_fastapi_app
    from starlette.routing import Route

    from harness_mlflow.mlflow_page import MlflowPage
    from harness_mlflow.pages import Pages, Served

    served = Served.by_command()  # before MLflow changes the environment
    application: Starlette = create_fastapi_app()
    page = MlflowPage(served)
    routes = [Route("/mlflow", page.show), Route(ASSISTANT, _absent, methods=METHODS), *Pages(served).routes()]
    application.router.routes[:0] = routes
    return application


def without_mlflow() -> Starlette:
    """Our pages alone, which link to an MLflow server elsewhere."""
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from harness_mlflow.pages import Pages, Served

    def health(request: Request) -> Response:
        return PlainTextResponse("OK")

    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])  # no name of another machine
    return Starlette(routes=[Route("/health", health), *Pages(Served.by_command()).routes()], middleware=[hosts])


def _absent(request: Request) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse("MLflow's assistant is switched off", 404)
