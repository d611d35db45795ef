"""Texts that others chose, such as names, titles and reasons, made fit for a terminal: shown as they are, with control
characters made visible, and never taken for markup."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

# control characters, line separators, characters that reverse the direction of the text, halves of surrogate pairs
HIDDEN = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
LAYOUT = "\t\n\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # those that HTML can isolate
PIPE_WIDTH = 160  # characters of a line where the output is no terminal
ESCAPES = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def visible(text: str, keep: str = "") -> str:
    """The text with its control characters as escapes like those of Python; characters in `keep` stay."""
    if text.isprintable():
        return text
    return re.sub(HIDDEN, lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def _escape(character: str) -> str:
    number = ord(character)
    return ESCAPES.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def sentence(text: str) -> str:
    """The text with its control characters visible; the lines of an exception's message are indented."""
    return visible(text, keep="\n").rstrip().replace("\n", "\n  ")


def output_width() -> int:
    """The characters of a line of the output: as COLUMNS says, else as the terminal, else for a file or a pipe."""
    return shutil.get_terminal_size((PIPE_WIDTH, 24)).columns


def labelled_lines(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Labels, and texts beside them that are folded; "–" for an empty one."""
    label_width = max(len(label) for label, _ in rows)
    for label, text in rows:
        folded = textwrap.wrap(text, max(width - label_width - 4, 20)) or ["–"]
        yield from (f"  {label if i == 0 else '':{label_width}}  {line}" for i, line in enumerate(folded))


def plain_text(*lines: str, style: str = "") -> Text:
    """Lines for the terminal: their control characters are visible, and brackets are no markup."""
    from rich.text import Text

    return Text("\n".join(map(visible, lines)), style)
