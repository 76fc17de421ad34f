"""The PSNR of interpolations on held-out chips: computed once for each set of chips, then read."""

from pathlib import Path

import pandas as pd

from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.raster.store import Store, fingerprint_of
from sen2naip_sr.training.checkpoint import replacing


def score_interpolations(
    hr: Store, lr: Store, chips: pd.DataFrame, folder: Path, evaluation: EvaluationParameters
) -> pd.DataFrame:
    """Return the interpolations' PSNR, all that they are compared in.

    Args:
        hr: HR chips.
        lr: Their LR chips.
        chips: The chips to score, with columns chip, place and location.
        folder: Where the scores are kept.
        evaluation: How chips are scored.

    Returns:
        The columns of `sen2naip_sr.evaluation.scoring.score_methods`, most of them NaN.
    """
    depends = (hr.manifest.content, lr.attributes["recipe"], chips["chip"].tolist())
    file = folder / f"interpolations-{fingerprint_of(*depends, evaluation.chips)}.parquet"
    if not file.exists():
        plain = interpolations(hr.manifest.shape[1])
        scores = score_chips(plain, hr, lr, chips, evaluation, only=("psnr",))
        with replacing(file) as stream:
            scores.to_parquet(stream)
    return pd.read_parquet(file)
