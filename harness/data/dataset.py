"""Specs of datasets: their files, source, licence and loader; needs no heavy library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.errors import BadInput, DataUnavailable
from harness.fields.libraries import install_command

if TYPE_CHECKING:
    from harness.data.panel import Panel


@dataclass(frozen=True)
class DataFile:
    """A file of a dataset: looked up in the data folders or downloaded, and verified by its checksum.

    With `unpack` it is a zip or tar archive, and the loader receives the folder with its members.
    """

    name: str
    url: str
    sha256: str | None = None
    unpack: bool = False


@dataclass(frozen=True, eq=False)
class DatasetSpec:
    """A dataset that a plugin provides.

    `load` is a function that returns a Panel, or its import path ("package.module:function"). It is called with the
    paths of `files`, in their order.
    """

    name: str
    load: Callable[..., Panel] | str
    description: str = ""
    source: str = ""
    licence: str = ""
    files: tuple[DataFile, ...] = ()
    depends: tuple[str, ...] = ()  # distributions whose versions may change the data
    aliases: tuple[str, ...] = ()  # its names, and those of collections with its data, in papers and archives
    local_files: tuple[str, ...] = ()  # paths of files and folders that the loader reads, beside `files`
    settings: str = ""  # what else the data depends on, as a text
    imports: tuple[str, ...] = ()  # modules that the loader uses
    requires: str = ""  # the requirement of pip that installs the packages of `imports`; empty: their names

    @property
    def install_command(self) -> str:
        """The command that installs the packages of `imports`; empty where all of them are installed."""
        return install_command(self.imports, self.requires)

    @property
    def not_installed(self) -> str:
        """That the data is not installed, and how it is; empty where it is."""
        command = self.install_command
        return f"data not installed; run `{command}`" if command else ""

    def panel(self, paths: tuple[Path, ...] = ()) -> Panel:
        """Load the data; raises DataUnavailable if a library is not installed, BadInput if `load` is not a function."""
        from harness.fields.references import import_object

        if self.not_installed:
            raise DataUnavailable(f"dataset {self.name!r}: {self.not_installed}")
        load = import_object(self.load)
        if problem := loader_problem(self.name, load):
            raise BadInput(problem)
        return cast("Panel", load(*paths))


def loader_problem(name: str, load: object) -> str:
    """Why this cannot load a dataset, as a sentence; empty if it can or is an import path."""
    if isinstance(load, str) or callable(load):
        return ""
    return (
        f"load of dataset {name!r} must be a function that returns a Panel, not an object of type "
        f"{type(load).__name__}; pass the function without calling it"
    )
