"""`python -P -m harness.worker`: a worker over standard input and output.

With `--template PATH` it is the template, and with `--describe` it prints what the plugins of its interpreter provide.
"""

from __future__ import annotations

import argparse
import os

# before NumPy and pyarrow are loaded: a process with several threads cannot be forked safely
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
NO_BACKGROUND_THREAD = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}


def main() -> None:
    """Run the worker or the template server."""
    parser = argparse.ArgumentParser(prog="python -P -m harness.worker", description=__doc__)
    parser.add_argument("--template", metavar="PATH", help="serve as the template at this Unix socket")
    parser.add_argument("--import-seconds", type=float, default=None, help="limit of the imports of a sub-template")
    parser.add_argument("--memory", type=int, default=None, help="bytes that a worker may allocate")
    parser.add_argument("--files", type=int, default=None, help="files that a worker may have open")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process, which is the parent, ends")
    parser.add_argument("--describe", action="store_true", help="print the installed forecasters as JSON")
    arguments = parser.parse_args()
    if arguments.parent is not None:
        from harness.worker.processes import end_with_parent

        end_with_parent(arguments.parent)
    if arguments.describe:
        from harness.worker.plugin_description import print_description

        print_description()
        return
    if arguments.template is None:
        from harness.worker.start import run_on_standard_streams

        run_on_standard_streams(arguments.memory, arguments.files)
    os.environ.update({**dict.fromkeys(ONE_THREAD, "1"), **NO_BACKGROUND_THREAD})
    from harness.worker.template import IMPORT_SECONDS, run_server

    run_server(arguments.template, arguments.import_seconds or IMPORT_SECONDS)


if __name__ == "__main__":
    main()
