"""What an upscaler computes with: weights of this project, or a network of another."""
