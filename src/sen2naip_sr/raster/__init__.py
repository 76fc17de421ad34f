"""Rasters in and out: chips, georeferencing, memory-mapped stores. No torch."""
