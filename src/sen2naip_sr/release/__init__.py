"""How the project's own weights are made ready and shipped. Needs a checkout of the repository."""
