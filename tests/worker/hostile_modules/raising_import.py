"""An import that exits."""

import sys

sys.exit("not today")
