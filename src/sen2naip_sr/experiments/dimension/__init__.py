"""Intrinsic dimension: of networks' weights and of imagery."""
