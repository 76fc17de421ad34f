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
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.comparison import best_interpolation
from sen2naip_sr.evaluation.figures.axes import plain
from sen2naip_sr.evaluation.figures.tiles import composites, draw_composite
from sen2naip_sr.experiments.comparison.parameters import OverfitParameters
from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
from sen2naip_sr.experiments.running.held_out import on_itself
from sen2naip_sr.experiments.running.length import nothing_said, too_short
from sen2naip_sr.experiments.running.outcome import FRAMES, Outcome, read_scores
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.inference.values import doubled

DPI = 100
FEWEST_POINTS = 10
"""Fewest validations from which a trend is read."""
LEVEL = 0.1
"""Changes of the PSNR up to this, dB, count as none."""
PLAIN = {"augmentation": {"flips": False, "quarter_turns": False}, "keep": "best"}


def overfit(parameters: OverfitParameters, setting: Setting, done: Done | None = None) -> Findings:
    """Train a network on a few chips until it reproduces them.

    The findings have an animation of how a chip emerges: pictures (h, w, 3), uint8.

    Raises:
        UserError: If a chosen chip is no training chip, or the training fails.
    """
    model, network = setting.network(parameters.model)
    variations = plan_overfitting(parameters, model, network, setting.splits)
    outcomes = setting.run(variations, parameters.workers, done)
    (variation,), (outcome,), folder = variations, outcomes, setting.folder
    chips = scored_chips(read_scores(folder, outcomes))
    plain = score_interpolations(setting.hr, setting.lr, chips, folder, setting.evaluation)
    chosen = (plain["method"] == best_interpolation(plain)) & (plain["band"] == ALL_BANDS)
    seen = folder / variation.name / FRAMES / outcome.fingerprint
    pictures = draw_emergence(
        seen, variation.watched[0], outcome, setting.hr, setting.lr, parameters
    )
    before = float(plain.loc[chosen, "psnr"].mean())
    text = describe_overfitting(outcome, before, parameters.target_psnr)
    table = pd.DataFrame(outcome.curve, columns=["step", "psnr"])
    return Findings(text, table, {"animation": pictures})


def plan_overfitting(
    parameters: OverfitParameters, model: str, network: Mapping[str, Any], splits: pd.DataFrame
) -> list[Variation]:
    """Return the one training: the chosen chips are both trained on and scored.

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


def describe_overfitting(outcome: Outcome, before: float, target: float) -> str:
    """Say in words how well the network reproduces the chips that it was trained on.

    Against it stand the PSNR of the best interpolation on these chips, and the target, dB.
    """
    assert outcome.psnr is not None
    text = (
        f"{outcome.model} with {outcome.parameters:,} parameters reached "
        f"{outcome.psnr:.2f} dB on {outcome.name} in {outcome.steps:,} steps "
        f"({outcome.seconds / 60:.1f} minutes); "
        f"the best interpolation has {before:.2f} dB."
    )
    best = max(psnr for _, psnr in outcome.curve)
    if best >= target:
        return f"{text} It reached the target of {target:g} dB: it can represent them."
    text = f"{text} It did not reach the target of {target:g} dB within the budget"
    if short := too_short([outcome]):
        return f"{text}. {nothing_said(short)}"
    if len(outcome.curve) < FEWEST_POINTS:
        return f"{text}; {len(outcome.curve)} validations are too few to see a trend."
    return f"{text}; {_trend(outcome.curve)}"


def _trend(curve: Sequence[tuple[int, float]]) -> str:
    """Describe the last fifth of a curve."""
    rise = curve[-1][1] - curve[-1 - len(curve) // 5][1]
    if rise > LEVEL:
        return f"in the last fifth the PSNR still rose by {rise:.2f} dB: train longer."
    went = "hardly changed" if rise >= -LEVEL else f"fell by {-rise:.2f} dB"
    return (
        f"in the last fifth the PSNR {went}. This cannot tell whether capacity or learning rate "
        "limits: compare with a constant schedule, and with a larger network."
    )


def draw_emergence(  # noqa: PLR0913, PLR0917 - one a source
    folder: Path, chip: int, outcome: Outcome, hr: Store, lr: Store, parameters: OverfitParameters
) -> list[Array]:
    """Return the pictures of how a chip emerged: LR, the network's, the truth, and the curve.

    They are (h, w, 3), uint8, the first of the untrained network. The folder holds the chip's
    frames, a file a step; only steps of the curve are drawn.
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
    plain(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
