"""Attributions: how much each input value contributes to the detail in a window of the result."""
