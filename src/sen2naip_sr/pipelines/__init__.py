"""Pipelines: small node functions and their wiring."""
