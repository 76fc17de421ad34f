"""Metrics of predictions against the truth, a module each; `catalogue` finds them."""
