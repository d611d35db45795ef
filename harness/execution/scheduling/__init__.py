"""Dividing a run among machines: expected costs of cells, shards, run plans, cluster scripts, simulation."""
