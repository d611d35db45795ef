"""One peer in an environment of its own: reads orders from standard input, answers with CPU seconds and scores."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from work import Action, Work


def answers(module: Any, orders: Iterator[str]) -> Iterator[dict[str, Any]]:
    """To `[work's file, most windows]` the version; to `[]` what it cost to do the work that was named last."""
    action: Action | None = None
    for line in orders:
        order = json.loads(line)
        if order:
            action = module.prepared(Work.read(Path(order[0])).at_most(order[1]))
            yield {"versions": {name: version(name) for name in module.PACKAGES}, "rmse": module.RMSE}
        else:
            assert action is not None
            start = time.process_time()
            scores = action()
            yield {"seconds": time.process_time() - start, "scores": scores}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    said = os.fdopen(os.dup(1), "w")  # what libraries print goes elsewhere
    os.dup2(2, 1)
    for answer in answers(importlib.import_module(f"in_{sys.argv[1]}"), iter(sys.stdin.readline, "")):
        said.write(json.dumps(answer) + "\n")
        said.flush()
