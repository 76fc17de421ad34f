"""Jobs: scenes that are upscaled while nobody waits. They survive the end of the process."""
