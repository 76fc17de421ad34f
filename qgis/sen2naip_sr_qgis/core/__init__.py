"""All that needs no QGIS: layers' sources, bands, the command, its run, the server, results."""
