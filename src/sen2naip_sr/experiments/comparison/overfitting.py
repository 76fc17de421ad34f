"""Overfitting: can a network represent a few chips at all?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sen2naip_sr.arrays import Array
from sen2naip_sr.chips.splits import TRAIN, spread
from sen2naip_sr.chips.store import Store
from sen2naip_sr.evaluation.figures.tiles import composites, draw_composite
from sen2naip_sr.experiments.running.held_out import on_itself
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.parameters import OverfitParameters
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.inference.values import doubled

DPI = 100
FEWEST_POINTS = 10
"""Of a curve whose last fifth is spoken of."""
LEVEL = 0.1
"""Changes of the PSNR up to this, dB, are none to speak of."""
PLAIN = {"augmentation": {"flips": False, "quarter_turns": False}, "keep": "best"}


def plan_overfitting(
    parameters: OverfitParameters, model: str, network: Mapping[str, Any], splits: pd.DataFrame
) -> list[Variation]:
    """Return the one variation: the chosen chips train and are what is scored.

    Args:
        parameters: Which chips, and when to stop.
        model: The network's name.
        network: Its parameters.
        splits: From `sen2naip_sr.chips.splits.make_splits`.

    Raises:
        UserError: If a chosen chip is no training chip.
    """
    chips = parameters.chips
    if isinstance(chips, int):
        chips = spread(splits.loc[splits["split"] == TRAIN, "chip"].to_numpy(), chips).tolist()
    own = {**PLAIN, "target_psnr": parameters.target_psnr, "validation_chips": len(chips)}
    changed = varied(network, {"training": own}, {"training": parameters.training})
    few = on_itself(splits, chips)
    return [Variation(f"{len(chips)} chips", model, changed, few, watched=(chips[0],))]


def answer_overfitting(outcome: Outcome, before: float, target: float) -> str:
    """Say in words how well the network learnt its chips by heart.

    Args:
        outcome: Of the training.
        before: PSNR of the best interpolation on the same chips, dB.
        target: The PSNR that was to be reached, dB.
    """
    assert outcome.psnr is not None
    text = (
        f"{outcome.model} with {outcome.parameters:,} parameters learnt {outcome.name} to "
        f"{outcome.psnr:.2f} dB in {outcome.steps:,} steps ({outcome.seconds / 60:.1f} minutes); "
        f"the best interpolation has {before:.2f} dB there."
    )
    best = max(psnr for _, psnr in outcome.curve)
    if best >= target:
        return f"{text} It can represent them: the target of {target:g} dB was reached."
    text = f"{text} The target of {target:g} dB was not reached within the budget"
    if len(outcome.curve) < FEWEST_POINTS:
        return f"{text}, and {len(outcome.curve)} validations do not tell whether it would be."
    return f"{text}; {_trend(outcome.curve)}"


def _trend(curve: Sequence[tuple[int, float]]) -> str:
    """Say in words where the last fifth of a curve goes, and what that does not tell."""
    rise = curve[-1][1] - curve[-1 - len(curve) // 5][1]
    if rise > LEVEL:
        return f"in its last fifth the PSNR still rose by {rise:.2f} dB: more steps may bring more."
    went = "hardly changed" if rise >= -LEVEL else f"fell by {-rise:.2f} dB"
    return (
        f"in its last fifth the PSNR {went}. This cannot tell whether capacity or learning rate "
        "limits: compare with a constant learning rate, and with a larger network."
    )


def draw_emergence(  # noqa: PLR0913, PLR0917 - one a source
    folder: Path,
    chip: int,
    outcome: Outcome,
    hr: Store,
    lr: Store,
    parameters: OverfitParameters,
) -> list[Array]:
    """Return the pictures of how a chip emerged: LR, the network's, the truth, and the curve.

    Args:
        folder: The watched chip's frames, a file a step; only steps of the curve are drawn.
        chip: Which.
        outcome: Of the training.
        hr: HR chips.
        lr: LR chips.
        parameters: How many pictures, and how much of the chip.

    Returns:
        Pictures (h, w, 3), uint8, the first of the untrained network.
    """
    validated = {step for step, _ in outcome.curve}
    files = [file for file in sorted(folder.glob("*.npy")) if int(file.stem) in validated]
    chosen = [files[n] for n in spread(np.arange(len(files)), parameters.frames)]
    size = min(parameters.crop, *hr.chips.shape[2:])
    part = (slice(None), slice(0, size), slice(0, size))
    truth = hr.chips[chip].astype(np.float32)[part]
    small = doubled(lr.chips[chip].astype(np.float32))[part]
    return [
        _frame(small, np.load(file)[0][part], truth, outcome.curve, int(file.stem))
        for file in chosen
    ]


def _frame(
    small: Array, upscaled: Array, truth: Array, curve: list[tuple[int, float]], step: int
) -> Array:
    """Return one picture: three images above the curve up to the step."""
    figure = Figure(figsize=(9, 4.9), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 3, height_ratios=(3, 1.3))
    axes = [figure.add_subplot(grid[0, column]) for column in range(3)]
    draw_composite(axes, [small, upscaled, truth], truth, composites(len(truth))[0])
    for axis, title in zip(axes, ("LR", f"network, step {step:,}", "truth"), strict=True):
        axis.set(title=title, xticks=[], yticks=[], box_aspect=1)
    below = figure.add_subplot(grid[1, :])
    steps, psnr = zip(*curve, strict=True)
    below.plot(steps, psnr, color="0.8")
    reached = [(s, p) for s, p in curve if s <= step]
    below.plot(*zip(*reached, strict=True), color="tab:blue")
    below.plot(*reached[-1], "o", color="tab:blue")
    below.set(xlabel="step", ylabel="PSNR of its chips, dB", xlim=(0, max(1, steps[-1])))
    below.grid(alpha=0.3)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
