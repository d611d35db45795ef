"""Verification: numbers that others published, recomputed."""
