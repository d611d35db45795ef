"""A sound library, which opens a file and starts a program while it is imported."""

import subprocess
import sys

file = open(__file__)  # noqa: SIM115
assert subprocess.run([sys.executable, "-c", "raise SystemExit(3)"]).returncode == 3
