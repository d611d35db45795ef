"""What came of it, as values and files: journal, evidence, standings, published results."""
