"""Optimisers, and what changes in the course of a training."""
