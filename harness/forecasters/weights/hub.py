"""What the Hugging Face hub tells of the files of a repository, by its HTTP interface."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness.errors import DataUnavailable
from harness.forecasters.weights.store import OFFLINE

VARIABLE = "HF_ENDPOINT"  # as the libraries of the hub name it
TOKEN = "HF_TOKEN"
HUB = "https://huggingface.co"
TIMEOUT = 30  # seconds


@dataclass(frozen=True)
class HubFile:
    """A file of a repository: its size, the hash of a large one, and the hash that git gives a small one."""

    size: int | None = None
    sha256: str | None = None
    blob: str | None = None


@dataclass(frozen=True)
class HubRevision:
    """A revision of a repository: its commit, and its files by name."""

    commit: str
    files: Mapping[str, HubFile]


def endpoint() -> str:
    """The address of the hub: HF_ENDPOINT, or that of Hugging Face."""
    return (os.environ.get(VARIABLE) or HUB).rstrip("/")


def headers() -> dict[str, str]:
    """The headers of a request, with HF_TOKEN if it is set."""
    token = os.environ.get(TOKEN)
    return {"Authorization": f"Bearer {token}"} if token else {}


def file_url(repository: str, commit: str, name: str) -> str:
    """The address of a file."""
    return f"{endpoint()}/{repository}/resolve/{quote(commit, safe='')}/{quote(name)}"


def find_revision(repository: str, revision: str, files: Iterable[str] = ()) -> HubRevision:
    """The commit and the files of a revision; raises DataUnavailable where the hub does not tell them.

    The error names `files`, which can be had in another way.
    """
    import requests

    if os.environ.get(OFFLINE[0], "0").lower() not in ("", "0", "false", "no"):
        remedy = _elsewhere(repository, revision, files)
        raise DataUnavailable(f"{OFFLINE[0]} is set, so that nothing is downloaded; unset it, or {remedy}")
    url = f"{endpoint()}/api/models/{repository}/revision/{quote(revision, safe='')}"
    try:
        answer = requests.get(url, params={"blobs": "true"}, headers=headers(), timeout=TIMEOUT)
    except requests.RequestException as error:
        raise DataUnavailable(
            f"no connection to {endpoint()} ({type(error).__name__}); {_elsewhere(repository, revision, files)}"
        ) from error
    if answer.status_code in (401, 403, 404):
        raise DataUnavailable(
            f"{endpoint()} does not give {repository!r} at revision {revision!r} ({answer.status_code} "
            f"{answer.reason}): one of them does not exist, or its terms must be accepted with an account, whose token "
            f"is read from {TOKEN}"
        )
    try:
        answer.raise_for_status()
        return _revision(answer.json())
    except requests.RequestException as error:
        raise DataUnavailable(f"{url} answered {answer.status_code} {answer.reason}; try again later") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataUnavailable(f"{url} does not answer as the hub does; see {VARIABLE}") from error


def _elsewhere(repository: str, revision: str, files: Iterable[str]) -> str:
    """How files are had without a network, as the end of a sentence."""
    names = " and ".join(files) or "the files"
    return (
        f"download {names} from {endpoint()}/{repository}/tree/{revision} on a machine with network, copy them into a "
        "folder of this machine, and run this command again with --from FOLDER"
    )


def _revision(answer: Mapping[str, Any]) -> HubRevision:
    commit = answer["sha"]
    if not isinstance(commit, str) or not commit.isalnum():
        raise ValueError(commit)
    return HubRevision(commit, {file["rfilename"]: _file(file) for file in answer["siblings"]})


def _file(told: Mapping[str, Any]) -> HubFile:
    large = told.get("lfs")
    if large:
        return HubFile(large.get("size", told.get("size")), large["sha256"])
    return HubFile(told.get("size"), None, told.get("blobId"))
