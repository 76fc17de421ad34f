"""Varied imagery and random sensors: what batches of a mixture are made of."""
