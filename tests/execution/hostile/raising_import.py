"""Raises when it is imported."""

raise KeyboardInterrupt("imported")
