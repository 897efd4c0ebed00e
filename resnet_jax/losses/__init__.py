"""Losses: arrays to a scalar, in plain JAX."""
