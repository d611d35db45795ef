"""Significance tests, bootstrap intervals and the model confidence set, as functions of arrays of losses."""
