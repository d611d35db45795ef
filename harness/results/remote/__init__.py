"""Homes in object stores: a local copy of the home, and the store that several machines share."""
