"""Metrics that are computed only if they are asked for: perceptual ones, of chips and of sets."""
