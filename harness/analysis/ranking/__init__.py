"""Standings from evidence: how a board came out, and how sure that is."""
