"""Scores of shipped weights by place and sensor: JSON files beside the weights files."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from sen2naip_sr.files import write_atomically


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clean(_Record):
    """Means over the images of a place, at one pixel size, of LR made by the recipe.

    Attributes:
        reduction: So many pixels became one on each axis first.
        images: Images that were scored.
        psnr: PSNR, dB.
        over_lanczos: Mean difference in PSNR to Lanczos, dB.
        over_best: The same to the interpolation with the highest mean PSNR there.
        best: The name of that interpolation.
        metrics: Means of other metrics by their key, of the network.
        lanczos: The same of Lanczos.
        change_in_8_bits: Change in PSNR if it is computed in 8 bits, dB; None: these weights are
            not, or the place is too faint.
    """

    reduction: int
    images: int
    psnr: float
    over_lanczos: float
    over_best: float
    best: str
    metrics: dict[str, float]
    lanczos: dict[str, float]
    change_in_8_bits: float | None = None


class Degraded(_Record):
    """Differences in PSNR to the best interpolation over kinds of degraded LR, dB.

    Attributes:
        kinds: Kinds of LR: blurs, noises and compressions.
        told: Mean over the kinds where the network is told the truth.
        told_least: The lowest of them.
        auto: Mean where the conditions are estimated from the image.
        auto_least: The lowest of them.
        auto_below: Share of the kinds in which it is below the best interpolation.
    """

    kinds: int
    told: float
    told_least: float
    auto: float
    auto_least: float
    auto_below: float


class PlaceScores(_Record):
    """Scores of a place.

    Attributes:
        place: Its name.
        sensor: The sensor of its imagery, in words.
        clean: By pixel size; the images' own first.
        degraded: Of degraded LR at the images' own pixel size.
        coverage: Share of the true pixels inside the intervals; None: not measured.
    """

    place: str
    sensor: str
    clean: tuple[Clean, ...]
    degraded: Degraded
    coverage: float | None


class Scores(_Record):
    """What is known of shipped weights.

    Attributes:
        label: The weights' label.
        sha256: Of the weights file.
        half_precision_change_db: The change in PSNR by half precision.
        calibrated_on: The places that calibrated the intervals.
        level: Share of the true pixels that the intervals are to cover.
        megapixels_a_second: Speed, in pixels of the result.
        measured_on: The device and threads of that.
        places: The test places.
    """

    label: str
    sha256: str
    half_precision_change_db: float
    calibrated_on: tuple[str, ...]
    level: float
    megapixels_a_second: float
    measured_on: str
    places: tuple[PlaceScores, ...]

    @classmethod
    def read(cls, weights: Path) -> Self | None:
        """Return the scores beside a weights file; None if there are none."""
        path = scores_path(weights)
        return cls.model_validate_json(path.read_bytes()) if path.exists() else None

    def write(self, weights: Path) -> None:
        """Write the scores beside a weights file."""
        content = self.model_dump_json(indent=1) + "\n"
        write_atomically(scores_path(weights), content.encode())


def scores_path(weights: Path) -> Path:
    """Return where the scores of a weights file lie."""
    return weights.with_suffix(".scores.json")
