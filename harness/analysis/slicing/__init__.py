"""A board's scores by horizon step, series, season, history length or task."""
