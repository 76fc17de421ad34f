"""Weights: their files with metadata, the shipped ones, and their calibrations."""
