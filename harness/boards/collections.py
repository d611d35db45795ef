"""Collections: named lists of boards, or of parts of boards, read from a `collection.toml`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.boards.leaderboard import Leaderboard, board_name, load_board, with_forecasters
from harness.boards.toml_files import read_toml
from harness.errors import BadBoard, UnknownName
from harness.fields.errors import FieldError
from harness.fields.reading import build
from harness.plugins.catalog import COLLECTION_FILE, Catalog


@dataclass(frozen=True)
class Part:
    """A board of a collection, and which of its forecasters and tasks belong to it; all where none are named."""

    board: str  # a board of the catalog, or a path, in a file relative to its folder
    forecasters: tuple[str, ...] = ()  # by their names on the board; the baseline always belongs to it
    tasks: tuple[str, ...] = ()

    def joined(self, other: Part) -> Part:
        """What belongs to either of two parts of a board."""
        return Part(self.board, _union(self.forecasters, other.forecasters), _union(self.tasks, other.tasks))

    def labels(self, board: Leaderboard) -> list[str]:
        """The names of the tasks of the board that belong to this part."""
        return [task.label for task in board.tasks if not self.tasks or task.label in self.tasks]

    def of(self, board: Leaderboard, catalog: Catalog) -> Leaderboard:
        """The board with only what belongs to this part; raises UnknownName for what is not on the board."""
        for name in self.tasks:
            if name not in (labels := [task.label for task in board.tasks]):
                raise UnknownName(f"task on board {board_name(self.board)!r}", name, labels)
        kept = self.labels(board)
        tasks = tuple(task for task in board.tasks if task.label in kept)
        return replace(with_forecasters(board, catalog, self.forecasters), tasks=tasks)


@dataclass(frozen=True)
class Collection:
    """Boards, or parts of boards, that one command runs and shows."""

    title: str
    boards: tuple[Part, ...]
    description: str = ""


def find_collection(name: str, catalog: Catalog) -> Path | None:
    """The file of a collection, by its path, its folder or its name in the catalog; None for any other name."""
    if os.path.basename(name) == COLLECTION_FILE:
        return Path(name)
    inside = Path(name, COLLECTION_FILE)
    if os.path.isfile(inside):  # False, too, for what cannot be a path
        return inside
    return catalog.collections[name].spec if name in catalog.collections else None


def read_collection(path: Path, catalog: Catalog) -> Collection:
    """The collection that a file describes, whose boards, forecasters and tasks are known; raises BadBoard."""
    collection = read_toml(path, "collection", _collection)
    parts = tuple(replace(part, board=_beside(path, part.board)) for part in collection.boards)
    for part in parts:
        try:
            part.of(load_board(part.board, catalog), catalog)
        except UnknownName as error:
            raise BadBoard(f"{path}: {error}") from error
    return replace(collection, boards=parts)


def parts_of(names: Iterable[str], catalog: Catalog) -> list[Part]:
    """The boards that names of boards and collections name, each once, in their order; raises BadBoard."""
    parts: dict[str, Part] = {}
    for name in names:
        path = find_collection(name, catalog)
        for part in (Part(name),) if path is None else read_collection(path, catalog).boards:
            parts[part.board] = parts[part.board].joined(part) if part.board in parts else part
    return list(parts.values())


def _union(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    """The names in either of two selections, of which an empty one means all."""
    return tuple(dict.fromkeys((*first, *second))) if first and second else ()


def _beside(path: Path, board: str) -> str:
    """A board of the catalog as it is named, a path relative to the folder of the collection's file."""
    return os.path.join(path.parent, board) if "/" in board or os.sep in board else board


def _collection(table: Mapping[str, Any]) -> Collection:
    """The collection of a table; raises FieldError for what does not fit."""
    collection = build(Collection, table)
    if not collection.boards:
        raise FieldError(("boards",), "a collection needs at least one board")
    names = [part.board for part in collection.boards]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise FieldError(("boards", str(i), "board"), f"board {name!r} is named twice; make one part of both")
    return collection
