"""Scores against a truth that nobody made: a finer band, or a finer sensor, of the same ground."""
