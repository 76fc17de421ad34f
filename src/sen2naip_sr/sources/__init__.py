"""Where GeoTIFFs come from: generated, a folder, SEN2NAIP."""
