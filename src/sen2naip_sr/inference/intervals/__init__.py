"""Intervals around predictions that hold the truth: their width, and how it is calibrated."""
