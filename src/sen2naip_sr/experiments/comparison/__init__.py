"""Comparisons of variations, cross-validation and overfitting."""
