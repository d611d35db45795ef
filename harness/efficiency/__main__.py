"""The process that measures one forecaster: `python -m harness.efficiency FOLDER`, with its job in the folder."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from pathlib import Path

from harness.data.storage import read_json
from harness.efficiency.measurement import Measurement
from harness.efficiency.workload import JOB, Job
from harness.plugins.catalog import load_catalog


def main(folder: Path) -> None:
    """Do the job in the folder; its result goes there too."""
    faulthandler.enable()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    fields = read_json(folder / JOB)
    assert fields is not None, f"no job in {folder}"
    job = Job.from_json(fields)
    Measurement(job, folder, job.bench).run(load_catalog(environments=False))


def _end_with_parent() -> None:
    """Exit when the standard input ends, which the parent holds open while it runs."""
    os.read(0, 1)
    os._exit(1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
