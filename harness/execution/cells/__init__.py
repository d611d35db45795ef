"""One cell, or a part of one: its forecaster is evaluated, and its run written to the journal."""
