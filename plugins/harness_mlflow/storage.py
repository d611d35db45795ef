"""Atomic writes of the mirror's small files: readers see the old text or the new one, never a part; and texts that
every store takes."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from pathlib import Path

LONGEST = 5000  # characters of a parameter or a tag, below every limit of MLflow


def storable(text: str) -> str:
    """A text that every database takes and every page shows: control characters and surrogates become escapes."""
    shown = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda match: f"\\x{ord(match[0]):02x}", text)
    return shown.encode("utf-8", "backslashreplace").decode("utf-8")


def tag_value(text: str) -> str:
    """A text as the value of a tag: storable, and cut where it is too long, with a hash of the whole."""
    shown = storable(text)
    if len(shown) <= LONGEST:
        return shown
    return f"{shown[: LONGEST - 20]}… {hashlib.sha256(shown.encode()).hexdigest()[:12]}"


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    draft.write_text(text, encoding="utf-8")
    os.replace(draft, path)
