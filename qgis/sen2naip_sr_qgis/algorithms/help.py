"""The help texts of the algorithms and their parameters, as HTML."""

from __future__ import annotations

DOUBLE = """
<p>Makes a GeoTIFF with half the pixel size and the same bounds from a raster layer with red, green,
blue and near-infrared bands. A trained network adds the detail. Nodata, data type, band names and
coordinate system are kept.</p>
<p>The command <code>sen2naip-sr</code> does the work, in its own environment, or a server does.
<i>Check the command</i> says whether it is ready, <i>Set up the command</i> installs it.</p>
<p>Edges get crisper. Do not expect objects that are smaller than a pixel of the layer, and take
measurements on the original.</p>
<h3>Layer</h3><p>A layer that is read from a file: GeoTIFF, JPEG 2000, PNG, JPEG, GeoPackage, VRT, a
part of a file, an address. The 10 m layer of a Sentinel-2 product is read as the product. Export
layers of services (WMS) and of QGIS' memory first.</p>
<h3>Bands</h3><p>Found by the names of the bands. Choose them where nothing names them.</p>
<h3>Model</h3><p><i>default</i> is quick; <i>best</i> is better and about eight times as slow. The
tooltip of a model shows its card.</p>
<h3>Area</h3><p>A part of the layer, such as the canvas. Its pixels are those of the whole layer's
result. Empty: all of it.</p>
<h3>Noise, Blur, Sharpness</h3><p><i>auto</i> estimates them from the scene. Noise: its standard
deviation in digital numbers, 0 for none. Blur: the width of the point spread function in pixels.
Sharpness: from 0 (bicubic) to 1 (all that the network adds).</p>
<h3>Consistency</h3><p>Makes the downscaled result equal the layer. For images without noise.</p>
<h3>Uncertainty</h3><p>A second GeoTIFF with the half-width of the 90 % interval of every value.</p>
<h3>Doubled</h3><p>The result is drawn as the layer is: same bands, same stretch. Switch one on and
off to compare them.</p>
"""

PARAMETERS = {
    "INPUT": "A raster layer that is read from a file or an address.",
    "BANDS": "Numbers of the bands in the order red, green, blue, near-infrared, such as 3,2,1,4. "
    "Empty: by their names.",
    "MODEL": "default, best, or another name that 'Check the command' lists.",
    "AREA": "The part of the layer to upscale. Empty: all of it.",
    "NOISE": "auto, 0 for none, or the standard deviation of the noise in digital numbers.",
    "BLUR": "auto, recipe (as in the training), or the width of the blur in pixels.",
    "SHARPNESS": "auto, or from 0 (bicubic) to 1 (the network's result).",
    "CONSISTENCY": "Whether the downscaled result equals the layer.",
    "RANGE": "Digital numbers that are 0 and 1 to the network: auto, dtype or LOW:HIGH.",
    "ENSEMBLE": "Better by a little, eight times as slow.",
    "WEIGHTS": "A file of weights from a training of yours, instead of a model. The layer's bands "
    "are taken in the order of the file unless 'Bands' says otherwise.",
    "NODATA": "The value that stands for no data. Not set: what the file declares.",
    "THREADS": "How many cores to use. Not set: all.",
    "DRIVERS": "GDAL's names of drivers to allow for other formats, such as ENVI,HFA.",
    "SERVER": "Address of a server that does the work. Empty: the setting, or this computer.",
    "OUTPUT": "A GeoTIFF (.tif) with half the pixel size.",
    "INTERVAL": "Half-widths of the 90 % intervals, in the layer's units. Skip it to save time.",
}

WHAT_IS_THIS = """
<p>Says in one screen what a scene is: product, level, date, bands with their order, nodata, offset
and scale, pixel size, coordinate system, the noise and blur that will be assumed, and how large
the result is and how long it takes.</p>
<p>Give a layer, or a product that is no layer: the folder, the zip or the metadata file of a
Sentinel-2, Landsat or PlanetScope product.</p>
"""

CHECK = """
<p>Says which command or server does the work, its version, its models and the processor cores that
it uses. If something is missing, it says what, and what to do.</p>
<p>The command is looked for in Settings, Options, Processing, Providers, sen2naip_sr; then in the
folder that <i>Set up the command</i> makes; then on the search path.</p>
"""

SET_UP = """
<p>Installs <code>sen2naip-sr</code> into a virtual environment of its own, with
<code>python -m venv</code> and <code>pip</code>. The Python of QGIS stays as it is.</p>
<p>Run it first without <i>Do it</i>: it shows the commands and changes nothing. Then tick
<i>Do it</i>. pip downloads what the project needs, PyTorch above all: from several hundred MB to
a few GB. If a step fails or is cancelled, a folder that was made is removed.</p>
<h3>Package</h3><p>What pip installs: the folder of the project, a wheel of it, or an address of
one.</p>
<h3>Folder</h3><p>A new or an empty folder. An environment that was set up before is upgraded.</p>
<h3>Python</h3><p>Python 3.11 or 3.12. Empty: one that is found.</p>
"""
