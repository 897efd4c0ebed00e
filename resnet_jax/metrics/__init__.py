"""Metrics: accumulators on the host, and the rows that they add up."""
