"""The HTML page of a board: one file that loads nothing and sends nothing, readable without JavaScript."""
