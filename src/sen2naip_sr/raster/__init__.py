"""Scenes and GeoTIFFs: windows, bands, validity and georeferencing. No torch."""
