"""Synthetic landscapes: seeded, labelled as such, hard enough that interpolation loses detail."""
