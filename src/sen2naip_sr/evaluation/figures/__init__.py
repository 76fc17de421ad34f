"""Figures of evaluation."""
