"""PSNR of methods without a network on held-out chips, computed once for each set of chips."""

from pathlib import Path

import pandas as pd

from sen2naip_sr.chips.splits import split_hash
from sen2naip_sr.chips.store import Store, fingerprint_of
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.references import references
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.files import replacing


def score_interpolations(  # noqa: PLR0913 - the last is a keyword
    hr: Store,
    lr: Store,
    chips: pd.DataFrame,
    folder: Path,
    evaluation: EvaluationParameters,
    *,
    splits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return PSNR of the interpolations (the only metric compared), kept in ``folder``.

    The columns are those of `sen2naip_sr.evaluation.scoring.score_methods`, most of them NaN. With
    splits, the methods of `sen2naip_sr.evaluation.references` are scored too, fitted on their
    training chips.
    """
    depends = [hr.manifest.content, lr.attributes["recipe"], chips["chip"].tolist()]
    if splits is not None:
        depends.append(split_hash(splits))
    file = folder / f"interpolations-{fingerprint_of(*depends)}.parquet"
    if not file.exists():
        plain = interpolations(hr.manifest.shape[1])
        plain += [] if splits is None else references(hr, lr, splits)
        all_of_them = evaluation.model_copy(update={"chips": None})
        scores = score_chips(plain, hr, lr, chips, all_of_them, only=("psnr",))
        with replacing(file) as hidden:
            scores.to_parquet(hidden)
    return pd.read_parquet(file)


def scored_chips(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the chips that scores are of, with columns chip, place and location."""
    return scores[["chip", "place", "location"]].drop_duplicates(ignore_index=True)
