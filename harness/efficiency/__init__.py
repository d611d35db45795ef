"""Costs of a forecast: latency, throughput, memory and energy, measured in the scenarios of MLPerf Inference."""
