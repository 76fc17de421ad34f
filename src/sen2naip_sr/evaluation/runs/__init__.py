"""Tracked runs compared."""
