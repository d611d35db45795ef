"""The place of a home's mirror: the address of the MLflow store, and the mirror's files."""

from __future__ import annotations

import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness_mlflow.storage import write_text

OWN = "own"  # how the index calls the store inside of the home, wherever the home is moved to


@dataclass(frozen=True)
class Place:
    """The paths and addresses of a home's mirror."""

    home: Path  # absolute

    @property
    def folder(self) -> Path:
        """The folder of the mirror's files."""
        return self.home / "mlflow"

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts, unless a server keeps them."""
        return self.folder / "artifacts"

    @property
    def database(self) -> Path:
        """The SQLite file of the home's own store."""
        return self.folder / "mlflow.db"

    @property
    def log(self) -> Path:
        """The log of the mirror and of MLflow."""
        return self.folder / "mirror.log"

    @property
    def own(self) -> bool:
        """Whether the store is the home's own: MLFLOW_TRACKING_URI names no other."""
        return not os.environ.get("MLFLOW_TRACKING_URI")

    @property
    def uri(self) -> str:
        """The tracking URI."""
        return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(self.database)

    @property
    def on_server(self) -> bool:
        """Whether a server holds the store."""
        return not self.own and self.uri.startswith(("http://", "https://"))

    @property
    def store(self) -> str:
        """The store's name in the index: its address without name and password."""
        return OWN if self.own else without_password(self.uri)

    @property
    def label(self) -> str:
        """The store as shown to the user."""
        return str(self.database) if self.own else self.store

    def identity(self) -> str:
        """The identifier of the home in stores that several homes share; created once."""
        path = self.folder / "home"
        if not path.is_file():
            write_text(path, uuid.uuid4().hex)
        return path.read_text(encoding="utf-8").strip()


def sqlite_uri(path: Path) -> str:
    """The address of an SQLite file; characters that mean something in an address are escaped.

    MLflow creates the folder that an address with `sqlite:///` seems to name, which an escaped one does not.
    """
    if re.fullmatch(r"[\w./\\: -]+", str(path)):
        return f"sqlite:///{path}"
    from sqlalchemy.engine import make_url

    escaped = f"sqlite+pysqlite:///{quote(str(path))}"
    if make_url(escaped).database == str(path):
        return escaped
    return f"sqlite+pysqlite:///file:{quote(str(path))}?uri=true"  # SQLAlchemy before 2.1, which escapes nothing


def without_password(text: str) -> str:
    """The text with user and password removed from its addresses."""
    return re.sub(r"//[^/@\s]*@", "//", text)
