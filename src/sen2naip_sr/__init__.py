"""Super-resolution (2x) of 4-band GeoTIFFs: a Kedro project with a torch core."""

__version__ = "0.1.0"
