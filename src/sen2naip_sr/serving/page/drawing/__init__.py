"""Drawings of results: pictures, and a histogram of differences."""
