"""The report: one PDF and one HTML page of what runs have left. It trains nothing."""
