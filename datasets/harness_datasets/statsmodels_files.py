"""Files that are included in statsmodels, read without its loaders: their import takes half a second."""

from __future__ import annotations

from importlib import resources

from harness import DataUnavailable


def text_of(path: str) -> str:
    """The text of a file of the installed statsmodels. Raises DataUnavailable if statsmodels has no such file."""
    file = resources.files("statsmodels") / path
    if not file.is_file():
        raise DataUnavailable(
            f"the installed statsmodels has no file {path}, which this dataset is read from; install statsmodels from "
            "a wheel of PyPI, which has it"
        )
    return file.read_text(encoding="utf-8")
