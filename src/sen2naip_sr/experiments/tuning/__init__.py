"""The search for hyperparameters, with Optuna."""
