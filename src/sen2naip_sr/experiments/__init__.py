"""Experiments: questions that are answered by training variations of one network."""
