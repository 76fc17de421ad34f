"""The algorithms of the toolbox."""
