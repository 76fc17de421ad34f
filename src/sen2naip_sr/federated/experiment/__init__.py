"""Federated training compared with each site alone, all data together, and other divisions."""
