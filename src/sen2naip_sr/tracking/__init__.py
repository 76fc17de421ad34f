"""MLflow as the tracker of runs: its database, and what happens when it fails."""
