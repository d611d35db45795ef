"""A hub of models on the loopback interface, as the Hugging Face hub answers."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import pytest

LARGE = 1000  # bytes from which files have a sha256, as those of Git LFS


@dataclass
class Hub:
    """The repositories of a hub, and what it was asked."""

    url: str = ""
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)  # files by commit
    revisions: dict[tuple[str, str], str] = field(default_factory=dict)  # commits by repository and revision
    asked: list[str] = field(default_factory=list)  # paths, and ranges
    tokens: list[str | None] = field(default_factory=list)
    cut_after: int | None = None  # bytes after which the connection ends
    damaged: bool = False  # whether it sends other bytes than it told the hash of
    needs_token: str | None = None

    def add(self, repository: str, files: dict[str, bytes], revision: str = "main") -> str:
        """Add a commit, to which a revision points; returns it."""
        text = json.dumps([repository, {name: content.hex() for name, content in files.items()}])
        commit = hashlib.sha1(text.encode()).hexdigest()
        self.commits[commit] = files
        self.revisions[repository, revision] = self.revisions[repository, commit] = commit
        return commit


def told(name: str, content: bytes) -> dict[str, Any]:
    """What the hub tells of a file."""
    file: dict[str, Any] = {"rfilename": name, "size": len(content)}
    if len(content) >= LARGE:
        return {**file, "lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}}
    return {**file, "blobId": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}


class Handler(BaseHTTPRequestHandler):
    """Answers as the hub."""

    hub: ClassVar[Hub]

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        """Answer with the files of a revision, or with a file."""
        hub, parts = self.hub, urlsplit(self.path)
        span = self.headers.get("Range")
        hub.asked.append(unquote(parts.path) + (f" {span}" if span else ""))
        hub.tokens.append(self.headers.get("Authorization"))
        if hub.needs_token and self.headers.get("Authorization") != f"Bearer {hub.needs_token}":
            self.send_error(401)
            return
        asked = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(.+)", parts.path)
        if asked is not None:
            self._tell(asked[1], unquote(asked[2]))
            return
        asked = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", parts.path)
        commit = None if asked is None else hub.revisions.get((asked[1], unquote(asked[2])))
        content = None if commit is None or asked is None else hub.commits[commit].get(unquote(asked[3]))
        if content is None:
            self.send_error(404)
        else:
            self._send_file(content, span)

    def _tell(self, repository: str, revision: str) -> None:
        commit = self.hub.revisions.get((repository, revision))
        if commit is None:
            self.send_error(404)
            return
        files = [told(name, content) for name, content in self.hub.commits[commit].items()]
        self._send(200, json.dumps({"id": repository, "sha": commit, "siblings": files}).encode(), {})

    def _send_file(self, content: bytes, span: str | None) -> None:
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        if self.hub.damaged:
            content = content[::-1]
        begin = int(span.removeprefix("bytes=").rstrip("-")) if span else 0
        headers = {"ETag": tag}
        if span:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._send(206 if span else 200, content[begin:], headers)

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        cut = self.hub.cut_after
        self.wfile.write(content if cut is None else content[:cut])
        if cut is not None:
            self.close_connection = True


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub, which HF_ENDPOINT names, and an empty folder of weights."""
    handler = type("HubHandler", (Handler,), {"hub": Hub()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.hub.url = f"http://127.0.0.1:{server.server_port}"
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", handler.hub.url)
    monkeypatch.setenv("HARNESS_WEIGHTS_DIR", str(tmp_path / "weights"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield handler.hub
    server.shutdown()
    server.server_close()
    thread.join()
