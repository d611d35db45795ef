"""The notebook of the documentation runs from the first cell to the last."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "docs" / "own-data.ipynb"


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """The notebook after a run in an empty folder; a cell that fails raises an error."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "HARNESS_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    return notebook


def outputs(notebook: nbformat.NotebookNode, kind: str) -> list[str]:
    """The texts of a MIME type that cells display."""
    shown = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data[kind] for output in shown if kind in output.get("data", {})]


def test_the_stored_notebook_has_no_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    nbformat.validate(notebook)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []
    assert {cell.execution_count for cell in notebook.cells if cell.cell_type == "code"} == {None}


def test_the_result_is_shown_as_the_page_of_its_standings(executed: nbformat.NotebookNode) -> None:
    (frame,) = (text for text in outputs(executed, "text/html") if text.startswith("<iframe"))

    page = unescape(frame).replace("<wbr>", "")
    assert "<b><bdi>ridge</bdi></b> ranks first" in page
    for name in ("ridge", "theta", "WeekdayMean", "seasonal-naive"):
        assert f"<bdi>{name}</bdi>" in page
    assert "seasonal-naive: cannot use covariates of data: promotion" in page


def test_tables_and_findings_are_shown(executed: nbformat.NotebookNode) -> None:
    tables = outputs(executed, "text/html")
    codes = [cell for cell in executed.cells if cell.cell_type == "code"]
    texts = [output.text for cell in codes for output in cell.outputs if "text" in output]

    assert any("skill_low" in table and "WeekdayMean" in table for table in tables)
    assert any(text.startswith("error: row 419: series 'north' has two rows for 2024-01-21") for text in texts)
    assert "best: ridge\n" in texts
    assert not any("Warning" in text for text in texts)
