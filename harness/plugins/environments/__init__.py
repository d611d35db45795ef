"""Environments of plugins: virtual environments of the home, whose plugins this process does not import."""
