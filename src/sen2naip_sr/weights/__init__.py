"""Weights: files that say what they are, the shipped ones, and their calibrations."""
