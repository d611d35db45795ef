"""What plugins, environments and weights are available, as text."""
