"""Kills, full disks and double starts: what they cost."""
