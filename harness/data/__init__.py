"""The data: panels, their time and gaps, and the files that they come from."""
