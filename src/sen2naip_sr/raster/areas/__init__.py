"""Parts of scenes: boxes, windows and polygons. Their pixels are those of the whole scene's result.

A part is cut out of the tiles of the whole scene, so it equals the crop of the result bit for bit.
"""
