"""Standings and comparisons as text: their columns, and how the terminal, CSV and Markdown show them."""
