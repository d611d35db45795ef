"""What a dataset is to harness: where its files are, whose they are, and how they are read. Loads nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.fields.references import import_object

if TYPE_CHECKING:
    from harness.data.panel import Panel


@dataclass(frozen=True)
class DataFile:
    """A file that a dataset reads: looked up in the data folders, or downloaded and checked.

    With `unpack` it is a zip or tar archive, and the loader is given the folder with its members.
    """

    name: str
    url: str
    sha256: str | None = None
    unpack: bool = False


@dataclass(frozen=True, eq=False)
class DatasetSpec:
    """A dataset that a plugin provides.

    `load` is a function that returns a Panel, or where it lies ("package.module:function"). With
    `files` it is called with their paths, in their order; without, with nothing.
    """

    name: str
    load: Callable[..., Panel] | str
    description: str = ""
    source: str = ""
    licence: str = ""
    files: tuple[DataFile, ...] = ()
    depends: tuple[str, ...] = ()  # distributions whose versions may change the data

    def panel(self, paths: tuple[Path, ...] = ()) -> Panel:
        """The data, read now."""
        return cast("Panel", import_object(self.load)(*paths))
