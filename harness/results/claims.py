"""Claimed results: scores that others publish for the tasks of a board, in a file beside the board file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.data.storage import write_text
from harness.errors import BadInput
from harness.fields.dumping import dump
from harness.fields.errors import FieldError
from harness.fields.reading import load

CLAIMS_FILE = "claimed.json"


@dataclass(frozen=True)
class Claim:
    """The claimed scores of one forecaster."""

    forecaster: str
    source: str  # whose scores they are
    scores: Mapping[str, Mapping[str, float]]  # by metric and task
    training_overlap: tuple[str, ...] = ()  # tasks on whose data the forecaster was trained, as the source says


@dataclass(frozen=True)
class ClaimedResults:
    """The claimed results of a board, and why others were left out."""

    claims: tuple[Claim, ...]
    left_out: tuple[str, ...] = ()
    schema: int = field(default=1)


def read_claims(folder: Path) -> ClaimedResults:
    """The claimed results of the board in a folder, none where there is no file; raises BadInput for a damaged one."""
    path = folder / CLAIMS_FILE
    if not path.is_file():
        return ClaimedResults(())
    try:
        return load(ClaimedResults, json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, FieldError) as error:
        raise BadInput(f"{path} is damaged: {error}; remove it, or write it again") from error


def write_claims(folder: Path, claims: Sequence[Claim], left_out: Sequence[str] = ()) -> Path:
    """Store the claimed results of the board in a folder; returns the path of the file."""
    path = folder / CLAIMS_FILE
    write_text(
        path, json.dumps(dump(ClaimedResults(tuple(claims), tuple(left_out))), indent=1, ensure_ascii=False) + "\n"
    )
    return path
