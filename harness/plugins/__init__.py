"""Hooks, the catalog of what plugins provide, and the contract that each must keep."""
