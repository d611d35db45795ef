"""What checks found: of data, of published numbers, of forecasters and environments."""
