"""How certain the gains in subspaces are."""

from collections.abc import Sequence

import pandas as pd

from sen2naip_sr.evaluation.comparison import psnr_by_chip
from sen2naip_sr.evaluation.paired.bootstrap import paired_difference
from sen2naip_sr.experiments.dimension.plan import gain
from sen2naip_sr.experiments.running.baseline import score_interpolations, scored_chips
from sen2naip_sr.experiments.running.outcome import Outcome, read_scores
from sen2naip_sr.experiments.running.setting import Setting

BASELINE = "bicubic"

Intervals = dict[str, tuple[float, float]]
"""By the training's name: the ends, dB; NaN for chips of a single location."""


def gain_intervals(setting: Setting, outcomes: Sequence[Outcome]) -> Intervals:
    """Return the 95 % intervals of the gains over bicubic, over locations of held-out chips."""
    done = [outcome for outcome in outcomes if not outcome.error]
    scores = read_scores(setting.folder, done)
    chips = scored_chips(scores)
    plain = score_interpolations(setting.hr, setting.lr, chips, setting.folder, setting.evaluation)
    psnr, locations = psnr_by_chip(pd.concat([scores, plain]))
    evaluation = setting.evaluation
    options = {"draws": evaluation.bootstrap_draws, "seed": evaluation.bootstrap_seed}
    found: Intervals = {}
    for outcome in done:
        own = psnr[outcome.name].to_numpy()
        over = paired_difference(own, psnr[BASELINE].to_numpy(), locations.to_numpy(), **options)
        # the gain is that of the last validation, which may see fewer chips
        shift = gain(outcome) - over.mean
        found[outcome.name] = (over.low + shift, over.high + shift)
    return found
