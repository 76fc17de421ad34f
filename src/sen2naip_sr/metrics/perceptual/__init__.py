"""Optional metrics: what a person may see, of chips; distances of features, of sets of chips."""
