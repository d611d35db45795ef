"""The place of a home's mirror: the address of the MLflow store, and the mirror's files."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness import DamagedFile, LaterVersion, read_checked_json, set_aside, write_checked_json
from harness_mlflow.inspection import home_of

OWN = "own"  # how the index calls the store inside of the home, wherever the home is moved to
IDENTITY = re.compile("[0-9a-f]{32}")  # of a home
IDENTITY_SCHEMA = 1  # of its file
INDEX_SCHEMAS = 3, 2  # of the index, and the last one without a checksum


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
    def index(self) -> Path:
        """The file that says what each store holds."""
        return self.folder / "mirrored.json"

    @property
    def damaged(self) -> Path:
        """The folder of files that could not be used."""
        return self.home / "damaged"

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
        """The identifier of the home in stores that several homes share; created once, or found in the own store."""
        path = self.folder / "home.json"
        try:
            known = read_checked_json(path, IDENTITY_SCHEMA)
        except DamagedFile as error:
            set_aside(error, self.home, "it is made again from what MLflow holds")
            known = None
        for identity in self._identities(known):
            if isinstance(identity, str) and IDENTITY.fullmatch(identity):
                break
        else:
            identity = uuid.uuid4().hex
        if known is None or known.get("identity") != identity:
            write_checked_json(path, {"identity": identity}, IDENTITY_SCHEMA)
        return identity

    def _identities(self, known: Mapping[str, Any] | None) -> Iterator[object]:
        """Where the identifier may be found, the most reliable place first."""
        if known is not None:
            yield known.get("identity")
        if self.index.is_file():
            with contextlib.suppress(DamagedFile, LaterVersion):
                yield (read_checked_json(self.index, *INDEX_SCHEMAS) or {}).get("home")
        if self.database.is_file():
            yield home_of(self.database)
        with contextlib.suppress(OSError):
            yield (self.folder / "home").read_text(encoding="utf-8", errors="replace").strip()  # without a checksum


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
    text = re.sub(r"(https?://)[^/@\s]*@", r"\1", text)
    text = re.sub(r"(?<!http:)(?<!https:)//[^:/@\s]*(:[^@\s]*)?@", "//", text)  # of a database it may have slashes
    return re.sub(r"([?&](?:password|passwd|pwd|sslpassword|token)=)[^&\s'\"]*", r"\1…", text, flags=re.IGNORECASE)
