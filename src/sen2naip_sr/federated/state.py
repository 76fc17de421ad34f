"""The state of a server between two rounds, in one file, from which a killed training resumes."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from flwr.serverapp.strategy import Strategy
from safetensors import SafetensorError, safe_open

from sen2naip_sr.arrays import Array
from sen2naip_sr.federated.rounds import Round
from sen2naip_sr.files import write_atomically
from sen2naip_sr.training.checkpoint import comparable, differences

HEADER = "federated"
WEIGHTS = "weights"
MOMENTS = ("m_t", "v_t", "momentum_vector")
"""What Flower's strategies keep from round to round."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerState:
    """A server between two rounds.

    Attributes:
        weights: The server's weights.
        moments: The strategy's, by their name and that of the weight.
        rounds: The rounds so far.
    """

    weights: Mapping[str, Array]
    moments: Mapping[str, Mapping[str, Array]]
    rounds: list[Round]

    def restore(self, strategy: Strategy) -> None:
        """Give a strategy of the same kind its moments."""
        inner = getattr(strategy, "strategy", strategy)
        for name, arrays in self.moments.items():
            # one of Flower's strategies keeps a list in the order of the weights
            kept = [arrays[key] for key in self.weights] if name == MOMENTS[-1] else dict(arrays)
            setattr(inner, name, kept)


def state_of(strategy: Strategy, weights: Mapping[str, Array], rounds: list[Round]) -> ServerState:
    """Return the state of a server whose strategy is, or wraps, one of Flower's."""
    inner, moments = getattr(strategy, "strategy", strategy), {}
    for name in MOMENTS:
        kept = getattr(inner, name, None)
        if isinstance(kept, list):
            kept = dict(zip(weights, kept, strict=True))
        if kept:
            moments[name] = kept
    return ServerState(weights, moments, rounds)


def save_state(path: Path, state: ServerState, fingerprint: Mapping[str, Any]) -> None:
    """Write a state as a whole or not at all."""
    parts = {WEIGHTS: state.weights, **state.moments}
    tensors = {
        f"{part}/{name}": np.ascontiguousarray(array)
        for part, arrays in parts.items()
        for name, array in arrays.items()
    }
    header = {
        "fingerprint": comparable(fingerprint),
        "names": list(state.weights),
        "rounds": [one.model_dump(mode="json") for one in state.rounds],
    }
    write_atomically(path, safetensors.numpy.save(tensors, {HEADER: json.dumps(header)}))


def load_state(path: Path, fingerprint: Mapping[str, Any]) -> ServerState | None:
    """Return the state in a file, if a training can resume from it; the log says why not."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, "numpy") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        rounds = [Round.model_validate(one) for one in header["rounds"]]
        parts: dict[str, dict[str, Array]] = {}
        for name, array in tensors.items():
            part, _, key = name.partition("/")
            parts.setdefault(part, {})[key] = array
        weights = {name: parts[WEIGHTS][name] for name in header["names"]}
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        logger.warning("%s is damaged (%s): the training restarts", path, error)
        return None
    if changes := differences(header["fingerprint"], comparable(fingerprint)):
        logger.info("%s belongs to another training (%s): starting anew", path, "; ".join(changes))
        return None
    moments = {part: arrays for part, arrays in parts.items() if part != WEIGHTS}
    return ServerState(weights, moments, rounds)
