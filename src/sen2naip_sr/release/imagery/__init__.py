"""Training on varied imagery and random sensors, for the shipped weights. See docs/imagery.md."""
