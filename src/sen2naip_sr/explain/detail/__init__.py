"""What a network added to its input: by frequency, place and land cover, and how much is real."""
