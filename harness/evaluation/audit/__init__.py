"""The leakage audit: forecasts must not depend on what is later than their cutoff."""
