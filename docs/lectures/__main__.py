"""Writes docs/lectures.md and its figures from the results of `harness run lectures`.

python docs/lectures [--home HOME] [--into FOLDER]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness import HarnessError
from lecture_page import write_page

FOLDER = Path(__file__).parent


def main() -> int:
    """Write the page; returns the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/lectures.md and its figures.")
    parser.add_argument("--home", type=Path, default=Path(".harness"), help="the home with the results")
    parser.add_argument("--into", type=Path, default=FOLDER.parent, help="the folder of lectures.md")
    options = parser.parse_args()
    try:
        files = write_page(FOLDER / "lectures.toml", options.home, options.into)
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 2
    for path in files:
        print(f"{path}: {path.stat().st_size:,} bytes")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
