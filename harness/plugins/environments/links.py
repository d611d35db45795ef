"""Harness in an environment: links to the packages of the running harness, and metadata so that pip finds it.

So an environment has the harness that uses it, also after an upgrade. pip takes the requirement `forecast-harness` for
satisfied, with the requirements of a worker instead of those of the command line. The metadata list no files, so that
pip cannot uninstall what the links lead to.
"""

from __future__ import annotations

import os
import shutil
import sys
import uuid
from contextlib import suppress
from importlib.metadata import Distribution, distribution
from pathlib import Path

from harness.data.storage import write_text
from harness.plugins.environments.lock import OWN
from harness.plugins.module_files import locations_of

GROUP = "harness"  # of the entry points of plugins
REQUIREMENTS = ("numpy>=1.26", "pandas>=1.5", "pluggy>=1.5", "threadpoolctl>=3.2")  # of a worker
MEASURING = ("psutil>=6", "pytest>=8", "pytest-benchmark>=5.0", "scipy>=1.11")  # of a process that measures


def link_harness(site: Path) -> None:
    """Put links to the running harness and its included plugins, and its metadata, into a folder of packages.

    Those that are as they should be stay. Raises OSError where the folder cannot be written to.
    """
    own = distribution(OWN)
    plugins = [point for point in own.entry_points if point.group == GROUP]
    for name in ("harness", *(point.module.partition(".")[0] for point in plugins)):
        for place in locations_of(name):
            _link(site / place.name, place)
    information = site / f"{OWN.replace('-', '_')}-{own.version}.dist-info"
    files = {
        "METADATA": _metadata(own),
        "entry_points.txt": "".join([f"[{GROUP}]\n", *(f"{point.name} = {point.value}\n" for point in plugins)]),
        "INSTALLER": "harness\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: harness\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    for name, text in files.items():
        path = information / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)
    for other in site.glob(f"{OWN.replace('-', '_')}-*.dist-info"):
        if other != information:  # of another version
            shutil.rmtree(other, ignore_errors=True)


def harness_identity() -> str:
    """A text that tells the running harness from others: its version, and where it is."""
    return f"{distribution(OWN).version} {os.path.dirname(sys.modules['harness'].__file__ or '')}"


def _link(link: Path, place: Path) -> None:
    """Let a link lead to a folder, whoever else does the same."""
    place = place.resolve()
    if link.is_symlink() and Path(os.readlink(link)) == place:
        return
    if link.exists() and not link.is_symlink():
        raise FileExistsError(17, "a package of the name of one of harness is installed", str(link))
    draft = link.with_name(f".{link.name}-{uuid.uuid4().hex}")
    draft.symlink_to(place)
    try:
        draft.replace(link)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _metadata(own: Distribution) -> str:
    """The metadata: the requirements of a worker, and those of the extras."""
    extras = sorted({*(own.metadata.get_all("Provides-Extra") or []), "bench"})
    of_extras = [requirement for requirement in own.requires or [] if "extra ==" in requirement]
    of_extras += [f'{requirement}; extra == "bench"' for requirement in MEASURING]
    lines = ["Metadata-Version: 2.1", f"Name: {OWN}", f"Version: {own.version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in (*REQUIREMENTS, *of_extras)]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    return "\n".join(lines) + "\n"
