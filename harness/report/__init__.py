"""Standings and catalog as text: for a terminal, for Markdown, for a spreadsheet."""
