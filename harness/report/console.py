"""The console of the terminal, which takes no text for markup."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from harness.report.text import visible


class PlainConsole(Console):
    """A console that shows texts as they are: brackets are no markup, `:smile:` is no emoji, and control characters
    other than line feeds are visible."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as rich prints it."""
        return super().render_str(visible(text, keep="\n"), **options)
