"""Scores of methods on test chips, comparisons and figures; see docs/protocol.md."""
