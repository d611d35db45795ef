"""Commands on several machines, each with a local copy of its own, and a board with ten cells."""

from __future__ import annotations

import subprocess
from pathlib import Path

from faulty_home import FaultyHome, tables

from harness import Journal

CELLS: dict[str, dict[str, object]] = {
    "naive": {"name": "naive"},
    **{f"mean {length}": {"name": "mean", "length": length} for length in range(2, 8)},
    **{f"ridge {lags}": {"name": "ridge", "lags": lags} for lags in range(3, 6)},
}


class Machines:
    """Commands with a home in a store, each machine with a folder of local copies."""

    def __init__(self, folder: Path, url: str, variables: dict[str, str]) -> None:
        self.faulty = FaultyHome(folder, variables)
        self.faulty.without_mirror()
        self.faulty.write_board("board", tables(CELLS))
        self.url = url

    def start(self, machine: str, *arguments: str, module: str = "harness", **variables: str) -> subprocess.Popen[str]:
        cache = str(self.faulty.folder / machine)
        return self.faulty.start(*arguments, module=module, HARNESS_HOME=self.url, HARNESS_CACHE_DIR=cache, **variables)

    def run(self, machine: str, *arguments: str, **variables: str) -> str:
        """What a command that succeeds prints."""
        code, text = self.end(self.start(machine, *arguments, **variables))
        assert code == 0, text
        return text

    @staticmethod
    def end(process: subprocess.Popen[str]) -> tuple[int, str]:
        text, _ = process.communicate(timeout=200)
        assert "Traceback" not in text, text
        return process.returncode, text

    def local_copy(self, machine: str) -> Path:
        (found,) = (self.faulty.folder / machine / "homes").iterdir()
        return found

    def results(self, home: Path) -> dict[str, tuple[object, ...]]:
        """What of the cells of a home does not depend on times."""
        journal, found = Journal(home), {}
        for key in list(journal.keys()):
            run = journal.read_with_results(key)
            assert run is not None
            assert run.results is not None
            terms = {name: terms.numerators.tobytes() for name, terms in run.results.terms.items()}
            found[key] = (run.status, dict(run.scores), run.results.forecast.mean.tobytes(), terms)
        return found

    def began(self, home: Path) -> dict[str, str]:
        """When the run of each cell began."""
        journal = Journal(home)
        return {key: run.started for key in list(journal.keys()) if (run := journal.read(key)) is not None}
