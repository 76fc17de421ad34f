"""Estimates an image's noise, blur and compression from the image itself."""
