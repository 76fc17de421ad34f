"""Experiments: variations of trainings, and what comparing them shows."""
