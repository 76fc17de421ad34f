"""The networks on the page: plain names, and what each costs and gains."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sen2naip_sr.upscaling.catalogue import Entry, entries
from sen2naip_sr.weights.calibration import calibration_path
from sen2naip_sr.weights.names import DEFAULT, FOLDER, GENERAL, SUFFIX
from sen2naip_sr.weights.scores import Scores

_SHOWN = tuple(f"## {title}\n" for title in ("Trained on", "Data", "Intervals"))
"""The sections of model cards that the page shows."""

_TOLD = "It adapts to the scene's noise, blur and compression, which are estimated."
_CLEAN = "It was trained on clean images, and sharpens noise and compression, too."


@dataclass(frozen=True)
class Choice:
    """A network as a person chooses it.

    Attributes:
        entry: The name of its weights, their size and quality.
        card: What its model card says of its imagery and intervals, Markdown.
        seconds: For a megapixel of its result on one core, from the measured speed of the default
            network and the multiply-adds of both; None if they are not known.
        intervals: Whether it can give intervals.
        coverage: Shares of true pixels inside its intervals on the test places, lowest and
            highest; None: not recorded.
    """

    entry: Entry
    card: str
    seconds: float | None
    intervals: bool
    coverage: tuple[float, float] | None

    @property
    def name(self) -> str:
        """Its name on the page."""
        general = self.entry.model in GENERAL
        return self.entry.model.capitalize() if general else self.entry.title

    @property
    def about(self) -> str:
        """What it is for, in a sentence."""
        return _TOLD if "conditioned" in self.entry.title else _CLEAN

    @property
    def gain(self) -> str:
        """Its quality: the median gain over Lanczos interpolation, and the range."""
        gains = [place.gain for place in self.entry.quality]
        if not gains:
            return "not measured"
        return f"{median(gains):+.1f} dB ({min(gains):+.1f} to {max(gains):+.1f})"

    @property
    def sensors(self) -> Sequence[str]:
        """The sensors that its quality was measured on, with their pixel sizes in brackets."""
        pixels: dict[str, list[str]] = {}
        for place in self.entry.quality:
            name, _, pixel = place.sensor.partition(", ")
            known = pixels.setdefault(name, [])
            if pixel and pixel not in known:
                known.append(pixel)
        return [f"{name} ({', '.join(of)})" if of else name for name, of in pixels.items()]

    @property
    def speed(self) -> str:
        """The time for a megapixel of its result, in words."""
        if self.seconds is None:
            return "not measured"
        return f"about {self.seconds:.2g} s"


def choices() -> Sequence[Choice]:
    """Return the networks, those that are recommended first."""
    found = entries(measure=False)
    texts = {entry.model: _card(entry.model) for entry in found}
    pace = _pace(texts.get(DEFAULT, ""))
    return [_choice(entry, texts[entry.model], pace) for entry in found]


def _choice(entry: Entry, text: str, pace: float | None) -> Choice:
    work = _multiply_adds(text)
    weights = FOLDER / (entry.model + SUFFIX)
    return Choice(
        entry,
        "\n".join(section for section in _sections(text) if section.startswith(_SHOWN)),
        work * pace if work and pace else None,
        calibration_path(weights).exists(),
        _coverage(Scores.read(weights)),
    )


def _card(model: str) -> str:
    file = FOLDER / f"{model}.md"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _sections(card: str) -> list[str]:
    return re.split(r"^(?=## )", card, flags=re.MULTILINE)


def _multiply_adds(card: str) -> float | None:
    """Return the multiply-adds for each pixel of the scene that a card states."""
    found = re.search(r"([\d,]+) multiply-adds", card)
    return float(found[1].replace(",", "")) if found else None


def _pace(card: str) -> float | None:
    """Return the seconds a megapixel of the default network, for each of its multiply-adds."""
    scores = Scores.read(FOLDER / (DEFAULT + SUFFIX))
    work = _multiply_adds(card)
    return 1 / scores.megapixels_a_second / work if scores and work else None


def _coverage(scores: Scores | None) -> tuple[float, float] | None:
    shares = [place.coverage for place in scores.places] if scores else []
    known = [share for share in shares if share is not None]
    return (min(known), max(known)) if known else None
