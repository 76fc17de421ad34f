"""Effect of consistency and self-ensemble on PSNR and consistency of the test chips."""

from pathlib import Path
from typing import Any

import numpy as np
from naip import stores

from sen2naip_sr.chips.splits import TEST
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.inference.consistency import Consistency
from sen2naip_sr.inference.ensemble import SelfEnsemble
from sen2naip_sr.inference.network import make_network
from sen2naip_sr.inference.postprocessing import Postprocessing
from sen2naip_sr.inference.values import normalise, restore
from sen2naip_sr.metrics.full_reference import SHAVE
from sen2naip_sr.weights.shipped import load_shipped


def measure(data: Path, model: str = "lean") -> dict[str, Any]:
    """Return the mean PSNR of the test chips without and with each option, and by place.

    Args:
        data: The README's chips.
        model: Whose weights.
    """
    weights = load_shipped(model)
    assert weights is not None
    network = make_network(weights.build(), device="cpu")
    recipe = get_recipe(weights.metadata.recipe.partition("@")[0])
    projected = Postprocessing(Consistency(recipe))
    ways = {
        "plain": (network, Postprocessing()),
        "consistency": (network, projected),
        "ensemble": (SelfEnsemble(network), Postprocessing()),
        "both": (SelfEnsemble(network), projected),
    }
    value_range = weights.metadata.value_range
    with stores(data) as (hr, lr, splits):
        tested = splits[splits["split"] == TEST]
        scores = {
            name: np.array(
                [
                    _psnr(*way, lr.chips[chip], hr.chips[chip], value_range)
                    for chip in tested["chip"]
                ]
            )
            for name, way in ways.items()
        }
        places = tested["place"].to_numpy()
    return {
        "network": model,
        "psnr": {name: round(float(values.mean()), 4) for name, values in scores.items()},
        "gain": {
            name: {
                "all": round(float((values - scores["plain"]).mean()), 4),
                **{
                    place: round(float((values - scores["plain"])[places == place].mean()), 4)
                    for place in sorted(set(places))
                },
            }
            for name, values in scores.items()
            if name != "plain"
        },
    }


def _psnr(
    network: Any, refinement: Postprocessing, low: Any, truth: Any, value_range: Any
) -> float:
    """Score one chip by docs/protocol.md."""
    (prediction,) = network(normalise(low, value_range)[np.newaxis])
    exact = normalise(low.astype(np.float64), value_range, np.float64)
    refined, _ = refinement(prediction, exact, value_range)
    error = restore(refined, low, value_range).astype(np.float64) - truth
    inner = error[:, SHAVE:-SHAVE, SHAVE:-SHAVE]
    return float(10 * np.log10((value_range[1] - value_range[0]) ** 2 / np.mean(inner**2)))
