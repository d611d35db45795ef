"""Locks on cells, by which processes and machines that share a home divide its pending cells."""
