"""How the processes of a training hold a network: each all of it, or each a part."""
