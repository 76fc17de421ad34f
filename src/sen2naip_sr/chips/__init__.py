"""Chips: cut, stored, split by place, and their LR."""
