"""The names of variants of products; without rasterio, for quick start-up."""

VARIANTS = ("FRE", "SRE")
"""Variants of products that have several, Theia's; the first is the default."""
