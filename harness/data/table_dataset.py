"""TableDataset: the file of a dataset without a loader of its own, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.dataset import DatasetSpec
from harness.data.tables.options import LISTS, TableOptions
from harness.errors import DataUnavailable
from harness.fields.dumping import dump
from harness.fields.reading import build

if TYPE_CHECKING:
    from harness.data.panel import Panel
    from harness.data.tables.reading import TableReading


@dataclass(frozen=True, kw_only=True)
class TableDataset(TableOptions):
    """A file, or a folder with one for each series, as a dataset. Its name is that of the file unless stated."""

    file: str  # a path
    name: str | None = None

    @property
    def label(self) -> str:
        """The name of the dataset."""
        return Path(self.file).name if self.name is None else self.name

    @property
    def title(self) -> str:
        """The name of a task on it: that of the dataset, or of the file without its ending."""
        from harness.data.tables.files import table_name

        return table_name(Path(self.file)) if self.name is None else self.name

    @property
    def options(self) -> TableOptions:
        """How the file is read."""
        return TableOptions(**{field.name: getattr(self, field.name) for field in fields(TableOptions)})

    def spec(self) -> DatasetSpec:
        """The dataset as one of a plugin."""
        settings = {name: value for name, value in sorted(dump(self).items()) if name != "file"}
        return DatasetSpec(
            self.label,
            partial(load_table_dataset, self),
            description=f"the file {self.file}",
            depends=("pandas", "pyarrow"),
            local_files=(self.file,),
            settings=repr(settings),
        )


def table_dataset(table: Mapping[str, Any], folder: Path) -> TableDataset:
    """A dataset from a table of a configuration file in a folder, to which its path is relative.

    Raises FieldError for a key or a value that does not fit.
    """
    given = {key: [value] if key in LISTS and isinstance(value, str) else value for key, value in table.items()}
    dataset = build(TableDataset, given)
    return build(TableDataset, {**given, "file": str((folder / dataset.file).resolve())})


def read_table_dataset(dataset: TableDataset) -> TableReading:
    """The file as series, with what was found; raises DataUnavailable if it does not exist."""
    from harness.data.tables.files import read_file
    from harness.data.tables.reading import read_table

    path = Path(dataset.file)
    if not path.exists():
        raise DataUnavailable(f"the file {path} of dataset {dataset.label!r} does not exist; name it where it is now")
    file = read_file(path, dataset.options)
    return read_table(file.table, file.options, file.origins, file.reasons)


def load_table_dataset(dataset: TableDataset) -> Panel:
    """The panel of a file; raises BadTable for what must be mended first."""
    from harness.data.panel import Panel
    from harness.data.tables.findings import check_findings

    reading = read_table_dataset(dataset)
    check_findings(reading.findings)
    return Panel(**reading.panel_fields())
