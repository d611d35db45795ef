"""Weights: the files of a pretrained model, which are in a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.errors import BadInput
from harness.fields.arguments import convert_fields
from harness.fields.errors import short_repr

REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
NAME = re.compile(r"[\w.-]+(/[\w.-]+)*")  # of a file or a revision
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Weights:
    """The files of a pretrained model, which `harness weights fetch` downloads from a repository of the hub.

        Weights("amazon/chronos-2", files=("config.json", "model.safetensors"), licence="Apache-2.0")

    `revision` is a branch, a tag or a commit. `sha256` are hashes of files by name: a file with another hash is
    refused. Raises BadInput for values of the wrong type, and for names that leave the folder of the weights.
    """

    repository: str
    revision: str = "main"
    files: tuple[str, ...] = ("config.json", "model.safetensors")
    sha256: Mapping[str, str] = field(default_factory=dict, hash=False)
    licence: str = ""

    def __post_init__(self) -> None:
        convert_fields(self, BadInput, "Weights: ")
        if not REPOSITORY.fullmatch(self.repository) or ".." in self.repository:
            raise BadInput(f"Weights: repository must be as organisation/name, not {short_repr(self.repository)}")
        if not self.files:
            raise BadInput("Weights: files must name at least one file")
        for name in ("revision", *self.files):
            text = self.revision if name == "revision" else name
            if not NAME.fullmatch(text) or ".." in text.split("/"):
                raise BadInput(f"Weights: {'revision' if name == 'revision' else 'files'} has {short_repr(text)}")
        for name, digest in self.sha256.items():
            if name not in self.files or not SHA256.fullmatch(digest):
                raise BadInput(f"Weights: sha256 must map names of files to 64 hexadecimal digits; see {name!r:.80}")

    def __str__(self) -> str:
        return self.repository if self.revision == "main" else f"{self.repository} at {self.revision}"
