"""STAC items of results."""
