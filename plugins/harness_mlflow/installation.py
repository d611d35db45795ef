"""Whether MLflow is installed."""

from __future__ import annotations

from harness import install_command


def missing_mlflow() -> str:
    """The command that installs MLflow; empty where it is installed."""
    return install_command(("mlflow", "alembic", "sqlalchemy", "urllib3"), "forecast-harness[mlflow]")
