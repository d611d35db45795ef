"""What runs and what is planned, as text: progress, the status of a home, run plans, and measurements."""
