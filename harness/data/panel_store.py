"""Panels as files that processes share, stored once by fingerprint.

<home>/panels/<fingerprint>/panel.json     metadata
<home>/panels/<fingerprint>/<array>.bin    values, offsets, start and vintages, of 64-bit elements in C order

The fingerprint is a hash of all of it, and is computed again when a panel is read. Small panels are then copied into
memory, where a process that writes to the files changes nothing; larger ones are memory-mapped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.data.channel import Channel
from harness.data.damage import set_aside
from harness.data.panel import Panel
from harness.data.storage import atomic_folder, read_checked_json, sync, unreadable, write_checked_json
from harness.data.vintages import Vintages
from harness.errors import BadData, DamagedFile, InfrastructureFault
from harness.fields.dumping import dump
from harness.fields.reading import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCHEMA = 1
HEADER = "panel.json"
LARGEST_COPIED = 64 << 20  # bytes


def store_panel(panel: Panel, home: Path) -> None:
    """Store a panel, unless it is stored already; raises InfrastructureFault if it cannot be stored."""
    folder = panel_folder(home, panel.fingerprint())
    if is_stored(home, panel.fingerprint()):
        return
    arrays = _arrays(panel)
    try:
        if os.path.lexists(folder):
            set_aside(DamagedFile(folder, f"it has no {HEADER}"), home, "it is stored again")
        with atomic_folder(folder, valid=lambda found: (found / HEADER).is_file()) as draft:
            for name, array in arrays.items():
                array.tofile(draft / f"{name}.bin")
                sync(draft / f"{name}.bin")
            write_checked_json(draft / HEADER, _header(panel, arrays), SCHEMA)
            for file in draft.iterdir():
                file.chmod(0o444)
    except OSError as error:
        raise InfrastructureFault(
            f"the data cannot be stored in {folder}: {error.strerror or error}; make room or mend it, then run it again"
        ) from error


def is_stored(home: Path, fingerprint: str) -> bool:
    """Whether the panel of this fingerprint is stored."""
    return (panel_folder(home, fingerprint) / HEADER).is_file()


def stored_panel(home: Path, fingerprint: str) -> Panel | None:
    """The panel of this fingerprint; None if it is not stored.

    One that is damaged is moved away, and is none. Raises LaterVersion, or HomeUnusable if it cannot be read now.
    """
    folder = panel_folder(home, fingerprint)
    try:
        return _read(folder, fingerprint)
    except DamagedFile as error:
        set_aside(error, home, "it is stored again")
        return None


def mapped_state(home: Path, fingerprint: str) -> tuple[tuple[int, ...], ...] | None:
    """What tells whether the files of a panel that is memory-mapped have changed; None if it is copied, or not there.

    A process that changes a file through a mapping of its own changes its times too, on most file systems.
    """
    try:
        with os.scandir(panel_folder(home, fingerprint)) as entries:
            found = [entry.stat() for entry in sorted(entries, key=lambda entry: entry.name)]
    except OSError:
        return None
    if sum(file.st_size for file in found) <= LARGEST_COPIED:
        return None
    return tuple((file.st_ino, file.st_size, file.st_mtime_ns, file.st_ctime_ns) for file in found)


def _read(folder: Path, fingerprint: str) -> Panel | None:
    """The panel in a folder; raises DamagedFile with the folder where it is another or none."""
    try:
        fields = read_checked_json(folder / HEADER, SCHEMA)
    except DamagedFile as error:
        raise DamagedFile(folder, f"{HEADER}: {error.reason}") from error
    if fields is None:
        return None
    try:
        panel = _panel(folder, fields)
    except OSError as error:
        raise unreadable(folder, error) from error
    except (BadData, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(folder, "its files do not fit together") from error
    if panel.fingerprint() != fingerprint:
        raise DamagedFile(folder, "its content does not match its fingerprint")
    return panel


def panel_folder(home: Path, fingerprint: str) -> Path:
    """The folder of a stored panel."""
    return home / "panels" / fingerprint


def _arrays(panel: Panel) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {"values": panel.values, "offsets": panel.offsets, "start": panel.start}
    for number, vintages in enumerate(panel.vintages.values()):
        for part in ("series", "issued", "values"):
            arrays[f"vintages-{number}-{part}"] = getattr(vintages, part)
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _header(panel: Panel, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    return {
        "ids": panel.ids,
        "freq": panel.freq,
        "season_length": panel.season_length,
        "channels": [dump(channel) for channel in panel.channels],
        "static": {name: list(values) for name, values in panel.static.items()},
        "vintages": [[name, vintages.count] for name, vintages in panel.vintages.items()],
        "arrays": {name: [array.dtype.str, array.shape] for name, array in arrays.items()},
    }


def _panel(folder: Path, fields: dict[str, Any]) -> Panel:
    files = {name: folder / f"{name}.bin" for name in fields["arrays"]}
    copied = sum(file.stat().st_size for file in files.values()) <= LARGEST_COPIED
    arrays = {name: _array(files[name], dtype, shape, copied) for name, (dtype, shape) in fields["arrays"].items()}
    return Panel(
        ids=tuple(fields["ids"]),
        values=arrays["values"],
        offsets=arrays["offsets"],
        start=arrays["start"],
        freq=fields["freq"],
        season_length=fields["season_length"],
        channels=tuple(load(Channel, channel) for channel in fields["channels"]),
        static={name: tuple(values) for name, values in fields["static"].items()},
        vintages={
            name: Vintages(
                arrays[f"vintages-{number}-series"],
                arrays[f"vintages-{number}-issued"],
                arrays[f"vintages-{number}-values"],
                count,
            )
            for number, (name, count) in enumerate(fields["vintages"])
        },
    )


def _array(path: Path, dtype: str, shape: list[int], copied: bool) -> NDArray[Any]:
    """An array of a file, copied or memory-mapped; one without elements cannot be mapped."""
    if np.dtype(dtype).kind not in "fiM" or path.stat().st_size != np.dtype(dtype).itemsize * int(np.prod(shape)):
        raise ValueError(f"{path} has another size or type")
    if not np.prod(shape):
        return np.empty(shape, dtype)
    if copied:
        array = np.fromfile(path, dtype).reshape(shape)
    else:
        array = np.memmap(path, dtype, mode="c", shape=tuple(shape)).view(np.ndarray)
    array.flags.writeable = False  # and whoever writes nevertheless changes neither the file nor another process
    return array
