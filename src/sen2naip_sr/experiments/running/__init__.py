"""Variations of one training: run, resumed, recorded."""
