"""Networks, interpolations, their building blocks and the registry of both."""
