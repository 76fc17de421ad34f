"""Synthetic landscapes: seeded, labelled as synthetic, with detail that interpolation loses."""
