"""Real servers on loopback and trials of the store; for its tests, campaigns and benchmarks."""
