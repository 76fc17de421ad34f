"""What a source is, in one screen, before it is upscaled."""
