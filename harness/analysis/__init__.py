"""From results to standings, slices and comparisons."""
