"""Trained networks and interpolations applied to images."""
