"""Where cells run: in this process, or in isolated processes beside it."""
