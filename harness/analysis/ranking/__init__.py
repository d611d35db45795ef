"""Standings from results: scores, ranks, intervals and tests."""
