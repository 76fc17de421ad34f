"""What interpolations score on held-out chips: computed once for each set of chips, then read."""

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
    """Return the interpolations' scores.

    Args:
        hr: HR chips.
        lr: Their LR chips.
        chips: The chips to score, with columns chip, place and location.
        folder: Where the scores are kept.
        evaluation: How chips are scored.

    Returns:
        The columns of `sen2naip_sr.evaluation.scoring.score_methods`.
    """
    depends = (hr.manifest.content, lr.attributes["recipe"], chips["chip"].tolist())
    file = folder / f"interpolations-{fingerprint_of(*depends, evaluation.chips)}.parquet"
    if not file.exists():
        scores = score_chips(interpolations(hr.manifest.shape[1]), hr, lr, chips, evaluation)
        with replacing(file) as stream:
            scores.to_parquet(stream)
    return pd.read_parquet(file)
