"""What came of it, as values and files: journal, results, standings, published results."""
