"""Network architectures and interpolations, one a file, and the registry of both."""
