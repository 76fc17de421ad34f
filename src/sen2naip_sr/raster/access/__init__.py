"""The only way to rasters: what may be opened, with which drivers and settings of GDAL."""
