"""Leaderboards: reading a board file, and the cells that it asks for."""
