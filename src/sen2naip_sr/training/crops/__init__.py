"""Random crops of LR and HR chips, and how they are varied."""
