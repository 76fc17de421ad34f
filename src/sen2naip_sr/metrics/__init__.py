"""Full-reference metrics and the comparison of their means."""
