"""What the page says about networks and results, in plain words."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from sen2naip_sr.serving.page.drawing.differences import Differences
from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.upscaling.files import Upscaled

NOT_TO_BE_BELIEVED = (
    "Do not believe objects smaller than one pixel of your scene: the network cannot see them. "
    "Take measurements on the original."
)

_UNLIKE = "its structure is unlike that of the images that intervals were calibrated on"

_TAGS = {
    "model": "network",
    "weights": "weights",
    "range": "value range",
    "noise": "noise",
    "blur": "blur",
    "compression": "compression",
    "sharpness": "share of the correction used",
    "flat_areas": "areas without structure",
    "consistency": "consistency",
    "ensemble": "flips and turns",
    "intervals": "intervals",
    "recipe": "recipe of the training's low resolution",
    "version": "version",
}


def about_network(choice: Choice) -> str:
    """Return quality, size and speed of a network in a few words of HTML."""
    facts = {
        "Quality": f"{choice.gain} over Lanczos",
        "Size": f"{choice.entry.megabytes:.1f} MB",
        "Speed": f"{choice.speed} a megapixel of the result, on one core",
    }
    items = "".join(
        f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts.items()
    )
    return f'<dl class="facts">{items}</dl><p class="quiet">{escape(choice.about)}</p>'


def what_it_has_seen(choice: Choice) -> str:
    """Return what a network was measured on, in a sentence."""
    places = len(choice.entry.quality)
    if not places:
        return f"{choice.name} was not measured on any place: judge its result with care."
    return (
        f"{choice.name} was measured on {places} places that it had never seen, in images of "
        f"{_listed(choice.sensors)}, made smaller for the test. There it gained {choice.gain} over "
        "Lanczos interpolation. Of other sensors, and of images with clouds or haze, nothing is "
        "known."
    )


def what_intervals_promise(choice: Choice, made_with: Mapping[str, str]) -> str:
    """Return what can be promised of a result's intervals, in sentences; "" without intervals."""
    words = made_with.get("intervals", "")
    if not words:
        return ""
    # not those in brackets, which are between sensors
    first, *others = re.split(r"; (?![^(]*\))", words)
    doubt = next((part for part in others if part.startswith("nothing is promised of this")), "")
    covered = ""
    if choice.coverage and not doubt:
        low, high = choice.coverage
        covered = f" On the test places, {low:.0%} to {high:.0%} did."
    if doubt:
        reasons = re.sub(r"the calibration's scene factors are .*?(?=, |$)", _UNLIKE, doubt)
        return f"The interval cannot be promised for this scene: {reasons.partition(': ')[2]}."
    return f"The interval: {first}.{covered}"


def what_changed(found: Differences, names: Sequence[str]) -> str:
    """Return in a sentence how much the network changed."""
    means = _listed(
        [f"{mean:.2g} in {name}" for name, mean in zip(names, found.absolute, strict=True)]
    )
    return (
        f"90 % of all values differ from bicubic upscaling by at most {found.within:g} digital "
        f"numbers; on average by {means}."
    )


def summary(made: Upscaled) -> str:
    """Return size and pixel of a result in a line."""
    parts = [f"{made.width:,} x {made.height:,} pixels"]
    if made.pixel:
        size = " x ".join(f"{side:.6g}" for side in dict.fromkeys(made.pixel))
        parts.append(f"pixel size {size}{' in ' + made.crs if made.crs else ''}")
    elif made.placed_by:
        parts.append(f"georeferenced by its {made.placed_by}")
    else:
        parts.append("no georeferencing, as in the scene")
    return ", ".join(parts)


def tag_table(made_with: Mapping[str, str]) -> str:
    """Return what made a result as an HTML table."""
    rows = "".join(
        f'<tr><th scope="row">{escape(_TAGS.get(name, name))}</th><td>{escape(text)}</td></tr>'
        for name, text in sorted(made_with.items(), key=lambda item: _place(item[0]))
    )
    return f'<table class="tags">{rows}</table>'


def _place(name: str) -> int:
    names = list(_TAGS)
    return names.index(name) if name in names else len(names)


def _listed(parts: Sequence[str]) -> str:
    """Return parts as a list in words."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def notes(choice: Choice, made_with: Mapping[str, str]) -> str:
    """Return what to keep in mind about a result, as an HTML list."""
    parts = [("warn", NOT_TO_BE_BELIEVED), ("", what_it_has_seen(choice))]
    if promise := what_intervals_promise(choice, made_with):
        parts.append(("warn" if "cannot be promised" in promise else "", promise))
    items = "".join(f'<li class="{kind}">{escape(text)}</li>' for kind, text in parts)
    return f'<ul class="notes">{items}</ul>'


def downloads(files: Sequence[tuple[str, str, str]]) -> str:
    """Return links to files, each an address, a name and a kind; the first one stands out."""
    links = "".join(
        f'<a href="{escape(address)}" download class="{"" if number else "first"}">'
        f"{escape(name)} <small>{escape(kind)}</small></a>"
        for number, (address, name, kind) in enumerate(files)
    )
    return f'<div class="downloads">{links}</div>'


def ramp(colours: Sequence[str], widest: float) -> str:
    """Return the legend of an interval's picture."""
    return (
        '<div class="ramp"><span>±0</span>'
        f'<i style="background: linear-gradient(90deg, {", ".join(colours)})"></i>'
        f"<span>±{widest:.3g} digital numbers and more</span></div>"
    )


def size(count: int) -> str:
    """Return a number of bytes in words."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def table(networks: Sequence[Choice]) -> str:
    """Return the networks with their quality, size and speed as an HTML table."""
    rows = "".join(
        f'<tr><th scope="row">{escape(choice.name)}</th><td>{escape(choice.gain)}</td>'
        f"<td>{len(choice.entry.quality)}</td><td>{choice.entry.megabytes:.1f} MB</td>"
        f"<td>{escape(choice.speed.removeprefix('about '))}</td></tr>"
        for choice in networks
    )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Networks">'
        '<table class="networks"><thead><tr><th scope="col">Network</th>'
        '<th scope="col">Gain over Lanczos</th><th scope="col">Places</th><th scope="col">Size</th>'
        f'<th scope="col">Time</th></tr></thead><tbody>{rows}</tbody></table></div>'
        '<p class="quiet">Gain: median over test places, and the range. Networks with another '
        "number of places cannot be compared by it. A gain of 1 dB is an error 11 % smaller. "
        "Time: about that for a million pixels of the result, on one core.</p>"
    )
