"""The table of docs/real-pairs.md: what networks gain on real pairs, by what they are told.

python benchmarks/pairs.py --pairs FOLDER --weights lean WEIGHTS.safetensors
"""

import argparse
from pathlib import Path

import pandas as pd
from scene_tables import table

from sen2naip_sr.evaluation.pairs.parameters import PairsParameters
from sen2naip_sr.evaluation.pairs.scoring import score_pairs
from sen2naip_sr.weights.files import Weights, load_weights
from sen2naip_sr.weights.shipped import load_shipped

TOLD = {
    "estimated": {},
    "the recipe's": {"noise": 0, "blur": "recipe", "compression": "none"},
}
"""What networks with conditions are told."""


def measure(folder: Path, weights: dict[str, Weights]) -> str:
    """Return the table of all pairs: gains over Lanczos in dB."""
    parts = []
    for told, given in TOLD.items():
        chosen = {n: w for n, w in weights.items() if w.conditioned or not parts}
        scores = score_pairs(PairsParameters(folders=[folder], **given), chosen, "cpu")
        known = [name for name, found in weights.items() if found.conditioned]
        scores["told"] = scores["method"].isin(known).map({True: told, False: ""})
        parts.append(scores if not parts else scores[scores["trained"]])
    gains = pd.concat(parts).pivot(index=["method", "told"], columns="pair", values="gain")
    gains["mean"] = gains.mean(axis=1)
    gains = gains.sort_values("mean", ascending=False)
    rows = [[*index, *(f"{gain:+.2f}" for gain in row)] for index, row in gains.iterrows()]
    return table(["method", "told", *gains.columns], rows)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pairs", type=Path, required=True, help="folder of pairs")
    parser.add_argument("--weights", nargs="+", default=["lean"], help="networks, weights files")
    given = parser.parse_args()
    weights = {Path(w).stem: load_shipped(w) or load_weights(Path(w)) for w in given.weights}
    print(measure(given.pairs, weights))


if __name__ == "__main__":
    main()
