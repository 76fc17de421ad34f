"""The `sample` source: synthetic landscapes, generated when they are first needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from affine import Affine
from rasterio.crs import CRS

from sen2naip_sr.chips.store import fingerprint_of
from sen2naip_sr.errors import UserError
from sen2naip_sr.files import replacing
from sen2naip_sr.landscape.generator import GENERATOR_VERSION, STYLES, Style, landscape, vary
from sen2naip_sr.progress import track
from sen2naip_sr.raster.access.opening import open_own
from sen2naip_sr.raster.geotiff import Raster, write_geotiff
from sen2naip_sr.sources.base import PathFile, SourceFile
from sen2naip_sr.sources.parameters import IngestionParameters

BANDS = ("Red", "Green", "Blue", "NIR")
DESCRIPTION = "Synthetic landscape, not an observation"

_EPSG = 32616
_PIXEL_METRES = 2.5
_SOUTH_WEST = (250_000.0, 3_600_000.0)
_APART = 50_000.0
_PLACES_IN_A_ROW = 8


def make(parameters: IngestionParameters) -> "SampleSource":
    """Return the sample of the parameters, in the raw folder."""
    folder = Path(parameters.raw_folder) / "sample"
    return SampleSource(folder=folder, **parameters.sample.model_dump())


@dataclass(frozen=True)
class SampleSource:
    """Seeded synthetic landscapes in several places, stored as GeoTIFFs.

    Places use the styles of `landscape.styles.STYLES` in turn, each with its own light, sensor and
    scale. They are tens of kilometres apart; the chips of a place are side by side.

    Attributes:
        folder: The files are stored below it, in a folder named by the fingerprint.
        seed: Seeds the landscapes.
        places: Number of places.
        chips_per_place: Number of chips per place.
        size: Side of a chip in pixels.

    Raises:
        UserError: If the seed is negative.
    """

    folder: Path
    seed: int
    places: int
    chips_per_place: int
    size: int
    kind = "sample"
    synthetic = True

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UserError(
                "seed-invalid",
                f"the seed of the sample is {self.seed}: a seed cannot be negative",
                "choose a seed of 0 or more",
            )

    def fingerprint(self) -> str:
        """Hash the parameters and the generator's version; see `Source.fingerprint`."""
        parameters = (self.seed, self.places, self.chips_per_place, self.size)
        return fingerprint_of(self.kind, GENERATOR_VERSION, *parameters)

    def files(self) -> Sequence[SourceFile]:
        """Generate missing files and list all by name; see `Source.files`."""
        root = self.folder / self.fingerprint()
        places = [f"synthetic-{_style(place).name}-{place}" for place in range(self.places)]
        chips = {
            f"{name}/{name}_{chip:04d}.tif": (place, chip)
            for place, name in enumerate(places)
            for chip in range(self.chips_per_place)
        }
        missing = [name for name in chips if not (root / name).is_file()]
        if missing:
            for name in track(missing, "Generating sample", len(missing)):
                self._draw(root / name, *chips[name])
        return [PathFile(root / name, name) for name in sorted(chips)]

    def _draw(self, path: Path, place: int, chip: int) -> None:
        # seed sequences are padded with zeros: a place's seed must differ from those of its chips
        style = vary(_style(place), (self.seed, place))
        pixels = landscape((self.seed, place, chip + 1), style, self.size)
        raster = Raster(pixels, self._transform(place, chip), CRS.from_epsg(_EPSG), bands=BANDS)
        with replacing(path) as hidden:
            write_geotiff(hidden, raster)
            with open_own(hidden, "r+") as target:
                target.update_tags(TIFFTAG_IMAGEDESCRIPTION=DESCRIPTION)

    def _transform(self, place: int, chip: int) -> Affine:
        """Return the transform of a chip: places are cells of a wide grid, chips of a fine one."""
        side = self.size * _PIXEL_METRES
        columns = math.ceil(math.sqrt(self.chips_per_place))
        spacing = _APART * (1 + columns * side // _APART)
        row, column = divmod(chip, columns)
        place_row, place_column = divmod(place, _PLACES_IN_A_ROW)
        west = _SOUTH_WEST[0] + place_column * spacing + column * side
        south = _SOUTH_WEST[1] + place_row * spacing + row * side
        return Affine(_PIXEL_METRES, 0.0, west, 0.0, -_PIXEL_METRES, south + side)


def _style(place: int) -> Style:
    return STYLES[place % len(STYLES)]
