"""Test sets: folders of chips and single scenes of any sensor, scored by place."""
