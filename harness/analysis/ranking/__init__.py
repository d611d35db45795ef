"""Standings from results: how a board came out, and how sure that is."""
