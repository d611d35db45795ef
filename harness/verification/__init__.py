"""Numbers that others published, recomputed: what we claim to compute is what they mean."""
