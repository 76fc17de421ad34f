"""Variations compared: studies, cross-validation, overfitting."""
