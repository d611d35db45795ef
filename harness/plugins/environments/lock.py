"""The distributions that are installed in an environment, read from its folder; nothing of it is run."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from harness.errors import BadInput
from harness.forecasters.described import normalised_name

OWN = "forecast-harness"  # is linked, not installed; see `links`
NOT_LOCKED = (OWN, "pip")
INFORMATION = (".dist-info", ".egg-info")


@dataclass(frozen=True)
class Locked:
    """A distribution that is installed, so exactly that it can be installed again."""

    name: str
    version: str
    url: str = ""  # of the file or folder that it was installed from; empty: from an index or a folder of wheels
    sha256: str = ""  # of that file

    def __str__(self) -> str:
        """As `pip freeze` writes it."""
        if not self.url:
            return f"{self.name}=={self.version}"
        return f"{self.name} @ {self.url}" + (f"#sha256={self.sha256}" if self.sha256 else "")


def locked_in(site: Path) -> tuple[Locked, ...]:
    """The distributions in a folder of installed packages but pip and harness itself, sorted by their names."""
    found = {normalised_name(locked.name): locked for locked in map(_locked, distributions(path=[str(site)]))}
    return tuple(found[name] for name in sorted(found) if name not in NOT_LOCKED)


def installed_folders(site: Path) -> tuple[str, ...]:
    """The names of the folders with the metadata of distributions, which hold their versions; none without `site`."""
    try:
        names = sorted(entry.name for entry in os.scandir(site) if entry.name.endswith(INFORMATION))
    except OSError:
        return ()
    return tuple(name for name in names if normalised_name(name.partition("-")[0]) not in NOT_LOCKED)


def requirements_of(file: Path) -> tuple[str, ...]:
    """The requirements in the lock of an environment, or in another file with one on each line; raises BadInput."""
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the lock {file} cannot be read ({error})") from error
    requirements = tuple(line for line in lines if line and not line.startswith("#"))
    if not requirements:
        raise BadInput(f"the lock {file} lists no requirements")
    return requirements


def _locked(package: Distribution) -> Locked:
    name, version = package.metadata["Name"] or "unnamed", package.metadata["Version"] or "0"
    try:
        origin = json.loads(package.read_text("direct_url.json") or "{}")
        hashes = (origin.get("archive_info") or {}).get("hashes") or {}
        return Locked(name, version, str(origin.get("url", "")), str(hashes.get("sha256", "")))
    except (ValueError, AttributeError):
        return Locked(name, version)
