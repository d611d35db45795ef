"""From evidence to standings, slices and comparisons."""
