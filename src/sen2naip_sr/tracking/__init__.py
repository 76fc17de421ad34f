"""MLflow as the tracker of runs: its database, what it holds of a run, and what if it fails."""
