"""Results as values and files: the journal, results of boards, standings, published results."""
