"""What a network's result depends on, what it added, and whether that is real."""
