"""Benchmarks: our own path beside its peers, in one run, on one machine."""
