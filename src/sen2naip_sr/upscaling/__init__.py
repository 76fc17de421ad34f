"""Upscaling of whole scenes: GeoTIFF in, GeoTIFF of twice the resolution out, one or many."""
