"""What the experiments measure, one subject a file."""
