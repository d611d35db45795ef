"""An import that crashes the process."""

import ctypes

ctypes.string_at(0)
