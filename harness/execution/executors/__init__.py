"""Where cells are run: in this process, on this machine, or on the nodes of a cluster."""
