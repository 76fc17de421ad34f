"""Random crops of LR and HR chips, and their augmentation."""
