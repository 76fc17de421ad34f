"""Scores of methods on test chips, their comparison, and figures; see docs/protocol.md."""
