"""`harness list` with environments: what it shows of them, without an import of anything in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WEIGHTS = """
from harness import ForecasterSpec, Weights, hookimpl

@hookimpl
def harness_forecasters():
    weights = Weights("example/small", files=("config.json",))
    return [ForecasterSpec("small", "own_weights:Small", weights=weights)]
"""


def test_both_versions_are_listed_with_their_environments(made) -> None:
    lines = made.harness("list", "forecasters").splitlines()

    provided = {line.split()[0]: line for line in lines if line.strip().startswith(("shifted", "twin"))}
    assert list(provided) == ["shifted@new", "shifted@old", "twin"]
    assert provided["shifted@new"].endswith("shifting (shifting 2.0, environment new)")
    assert provided["shifted@old"].endswith("shifting:shifting (shifting 1.0, environment old)")


def test_nothing_of_an_environment_is_imported(made) -> None:
    code = """
import sys
from pathlib import Path
from harness.plugins.catalog import load_catalog
catalog = load_catalog(home=Path("home"))
specs = [catalog.forecasters[name].spec for name in ("shifted@new", "shifted@old", "twin")]
assert [spec.summary for spec in specs] == 3 * ["the last value, shifted"]
assert not {"shifting", "twin", "broken"} & sys.modules.keys()
assert not any(Path("home").resolve() in Path(folder).resolve().parents for folder in sys.path)
"""
    subprocess.run([sys.executable, "-c", code], cwd=made.path, check=True)


def test_listing_imports_nothing_heavy_with_environments_and_fetched_weights(made, tmp_path: Path) -> None:
    (tmp_path / "own_weights.py").write_text(WEIGHTS)
    (tmp_path / "config.json").write_text("{}")
    variables = {"HARNESS_PLUGIN_FILE": str(tmp_path / "own_weights.py"), "HARNESS_WEIGHTS_DIR": str(tmp_path / "all")}
    made.harness("weights", "fetch", "small", "--from", str(tmp_path), **variables)
    code = "import atexit, sys; from harness.cli.main import main; atexit.register(lambda: print(*sys.modules)); main()"

    done = subprocess.run(
        [sys.executable, "-c", code, "list", "forecasters"],
        cwd=made.path,
        env={**os.environ, **variables, "HARNESS_HOME": "home"},
        capture_output=True,
        text=True,
        check=True,
    )

    listed, _, imported = done.stdout.rstrip().rpartition("\n")
    assert {"small", "shifted@new", "shifted@old"} <= set(listed.split())
    assert "harness fetch" not in listed
    assert not {"numpy", "pandas", "torch", "mlflow", "rich", "jinja2", "shifting"} & set(imported.split())


def test_a_plugin_that_cannot_be_imported_is_named_and_disturbs_no_other(made) -> None:
    said = made.harness("list", "plugins")

    assert "environment 'old': plugin broken (broken 1.0) cannot be imported: ModuleNotFoundError" in said
    assert "twin:shifting" in said
