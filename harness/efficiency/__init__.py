"""What a forecast costs: latency, throughput, memory and energy, measured by the rules of inference benchmarks."""
