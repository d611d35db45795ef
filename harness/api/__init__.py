"""Functions for Python users."""
