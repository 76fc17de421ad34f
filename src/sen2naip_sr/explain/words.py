"""What explanations show, in words that their numbers support."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from sen2naip_sr.explain.detail.frequency import above_nyquist
from sen2naip_sr.explain.explanation import Explanation, Image
from sen2naip_sr.explain.parameters import REFERENCE

COMPLETE, RANDOM = 0.01, 0.3
"""The completeness error and the rank correlation with random weights that are allowed."""
WIDER = 1.1
"""A network uses more of the surroundings than the reference from so many times its pixels on."""


def describe(image: Image, found: Sequence[Explanation]) -> str:
    """Return what the explanations of one image show; the last is the reference."""
    reference = found[-1]
    window = reference.window
    about = ", ".join(part for part in (image.place, image.role) if part)
    head = f"{image.name} ({about})" if about else image.name
    cover = reference.matrices[0].land_cover
    lines = [
        head,
        f"  Window of {window.size} pixels at column {window.left}, row {window.top}"
        + (f"; land cover: mostly {cover}." if cover else "."),
    ]
    for one in found:
        lines += ["", f"  {one.subject.title}"]
        lines += [f"    - {text}" for text in _sentences(image, one, reference)]
    return "\n".join(lines)


def headline(image: Image, found: Sequence[Explanation]) -> str:
    """Return what to see in a figure at first, in one line, of the first network."""
    one, reference = found[0], found[-1]
    ratio = one.spread.pixels_95 / max(reference.spread.pixels_95, 1)
    own = float(np.diag(one.matrices[0].shares).mean())
    text = (
        f"{one.subject.title} draws on {ratio:.1f} times as many pixels as {REFERENCE}; a band "
        f"comes to {own:.0%} from itself"
    )
    if one.frequencies is None:
        return f"{text}. There is no truth: below are signs of invented detail, not proof."
    restored, invented = (above_nyquist(one.frequencies, name) for name in ("restored", "invented"))
    return (
        f"{text}; beyond the input's limit it restores {restored:.0%} of the missing detail and "
        f"adds {invented:.0%} that is not in the truth."
    )


def _sentences(image: Image, one: Explanation, reference: Explanation) -> Iterator[str]:
    if image.truth is not None and one.subject.trained:
        yield f"PSNR {one.psnr_gain:+.2f} dB over {REFERENCE} on the whole chip."
    yield _reach(image, one, reference)
    yield _bands(image, one)
    if one.frequencies is not None:
        restored, invented = (
            above_nyquist(one.frequencies, name) for name in ("restored", "invented")
        )
        yield (
            f"Beyond the input's Nyquist frequency it restores {restored:.0%} of the detail that "
            f"{REFERENCE} lacks, and adds {invented:.0%} of as much that is not in the truth."
        )
    if one.correctness is not None and math.isfinite(one.correctness.improvement):
        c = one.correctness
        yield (
            "Where input and truth differ most: "
            f"improvement {c.improvement:.0%}, omission {c.omission:.0%}, "
            f"hallucination {c.hallucination:.0%}."
        )
    if image.truth is None:
        yield (
            f"Downscaled again it differs from the input by {one.consistency:.2f} digital numbers "
            f"({REFERENCE}: {reference.consistency:.2f}). Beyond the input's Nyquist frequency its "
            f"power is {one.beyond:+.1f} dB over {REFERENCE}'s. If the input is flipped and "
            f"turned, it changes by {one.disagreement:.2f} digital numbers. Without truth these "
            "are signs, not proof."
        )
    if one.subject.trained:
        if one.profiles is not None and reference.profiles is not None:
            yield _worst_group(one.profiles, reference.profiles)
        yield _checks(one)


def _reach(image: Image, one: Explanation, reference: Explanation) -> str:
    s, r = one.spread, reference.spread
    metres = (
        f", as many as a square of {s.side_95 * image.pixel_metres:.0f} m"
        if image.pixel_metres
        else ""
    )
    text = (
        f"95 % of the window's detail comes from {s.pixels_95} input pixels{metres}; "
        f"{s.outside:.0%} from outside of the window. Diffusion index {s.diffusion_index:.2f}."
    )
    if not one.subject.trained:
        return f"{text} This is the reach of the interpolation's kernel."
    share = s.pixels_95 / max(r.pixels_95, 1)
    if share >= WIDER:
        return f"{text} It draws on {share:.1f} times as many pixels as {REFERENCE}."
    if share <= 1 / WIDER:
        return f"{text} It draws on fewer pixels than {REFERENCE}."
    return f"{text} It draws on hardly more pixels than {REFERENCE}."


def _bands(image: Image, one: Explanation) -> str:
    shares = one.matrices[0].shares
    own = float(np.diag(shares).mean())
    if own > 0.995:
        return "Each band is made from itself alone."
    others = shares - np.diag(np.diag(shares))
    source, target = np.unravel_index(others.argmax(), others.shape)
    text = (
        f"A band's detail comes from the same band to {own:.0%} on average; the strongest other "
        f"link is from {image.bands[source]} to {image.bands[target]}, {others.max():.0%}."
    )
    known = {m.land_cover: float(np.diag(m.shares).mean()) for m in one.matrices if m.land_cover}
    if len(known) > 1:
        text += " Own band by land cover: "
        text += ", ".join(f"{name} {share:.0%}" for name, share in known.items()) + "."
    return text


def _worst_group(own: pd.DataFrame, reference: pd.DataFrame) -> str:
    mine, plain = (
        each[each["measure"] == "distance to an edge"].set_index("group")["rmse"]
        for each in (own, reference)
    )
    shares = {str(group): float(share) for group, share in (mine / plain).items()}
    best, worst = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
    return (
        f"Its error is {shares[best]:.0%} of {REFERENCE}'s {_where(best)} and "
        f"{shares[worst]:.0%} {_where(worst)}."
    )


def _where(group: str) -> str:
    if group == "on an edge":
        return group
    if group.startswith("from "):
        return f"{group.removeprefix('from ')} and more from an edge"
    return f"{group} from an edge"


def _checks(one: Explanation) -> str:
    c = one.checks
    complete = "passed" if c.completeness_error < COMPLETE else "FAILED"
    text = f"Checks: completeness error {c.completeness_error:.2%} ({complete})"
    if math.isfinite(c.random):
        changed = "passed" if abs(c.random) < RANDOM else "FAILED"
        text += f"; rank correlation with random weights {c.random:.2f} ({changed})"
    if math.isfinite(c.captum):
        text += f"; correlation with Captum's integrated gradients (straight path) {c.captum:.2f}"
    return text + "."
