"""Products of sensors as they are downloaded: which files hold red, green, blue, near-infrared.

A product is described by a `sen2naip_sr.raster.products.product.Product`. It is opened as one
dataset of four bands that refers to the files, so that nothing is copied. `opening` opens any
source: a product or a raster.
"""
