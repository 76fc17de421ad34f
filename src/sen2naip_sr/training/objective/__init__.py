"""What a training step minimises: the weighted sum of its losses, and the discriminator."""
