"""Federated training over a network: Flower's SuperLink at the server, a SuperNode at each site."""
