"""The REST API: its routes, and their description by OpenAPI."""
