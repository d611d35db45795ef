"""The options of commands that make a board of a file: how it is read, and how it is evaluated."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cli.table_options import table_options_of
from harness.data.table_dataset import TableDataset
from harness.data.tables.options import TableOptions
from harness.errors import BadInput

if TYPE_CHECKING:
    from harness.boards.own_protocol import BoardRequest

BOARD_OPTIONS = ("horizon", "windows", "metric", "quantiles")


@dataclass(frozen=True)
class OwnOptions:
    """What a command says of a file and of its board."""

    table: TableOptions
    horizon: int | None = None
    windows: int | None = None
    metric: str | None = None
    quantiles: str | None = None

    def board_of(self, file: str) -> tuple[TableDataset, BoardRequest]:
        """The file as a dataset, and what its board should be like; raises BadInput without a horizon."""
        from harness.boards.own_protocol import BoardRequest
        from harness.data.tables.files import check_exists

        if self.horizon is None:
            raise BadInput(f"how many steps of {file} are to be forecast? add --horizon, such as --horizon 24")
        check_exists(Path(file))
        options = {field.name: getattr(self.table, field.name) for field in fields(TableOptions)}
        dataset = TableDataset(file=str(Path(file).resolve()), **options)
        return dataset, BoardRequest(self.horizon, self.windows, self.metric, _levels(self.quantiles))

    def check_unused(self) -> None:
        """Raise BadInput for an option that only has a meaning with a file."""
        used = [f"--{name}" for name in BOARD_OPTIONS if getattr(self, name) is not None]
        if used := [*used, *self._table_options()]:
            raise BadInput(f"{used[0]} is an option of files; add --data FILE")

    def check_table_unused(self) -> None:
        """Raise BadInput for an option of files, where a board is named; a horizon is one of both."""
        used = [f"--{name}" for name in BOARD_OPTIONS if name != "horizon" and getattr(self, name) is not None]
        if used := [*used, *self._table_options()]:
            raise BadInput(f"{used[0]} is an option of files, and no file is named")

    def _table_options(self) -> list[str]:
        """The options on how a file is read that were given."""
        return [
            f"--{field.name.replace('_', '-').removesuffix('-length')}"
            for field in fields(TableOptions)
            if getattr(self.table, field.name) != field.default
        ]


def own_options_of(options: dict[str, Any]) -> OwnOptions:
    """The options on files, which are taken out of those of a command."""
    table = table_options_of(options)
    return OwnOptions(table, **{name: options.pop(name) for name in BOARD_OPTIONS})


def _levels(text: str | None) -> tuple[float, ...] | None:
    """Quantile levels such as 0.1,0.5,0.9; raises BadInput for a text that is none."""
    if text is None:
        return None
    try:
        return tuple(sorted(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        raise BadInput(f"--quantiles takes levels such as 0.1,0.5,0.9, not {text!r}") from None
