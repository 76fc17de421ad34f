"""Faster ways to compute a network, with the same result."""
