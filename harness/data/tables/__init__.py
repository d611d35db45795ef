"""Tables: files and data frames as panels, and checks of what they contain."""
