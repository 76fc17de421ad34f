"""The training of one network: from chips and parameters to weights with their metadata."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from sen2naip_sr.chips.splits import TRAIN, VALIDATION, split_hash
from sen2naip_sr.chips.store import Store
from sen2naip_sr.degradation import get_recipe
from sen2naip_sr.models.registry import build_model, complete_parameters
from sen2naip_sr.provenance import git_commit
from sen2naip_sr.training.crops.sampler import TrainingData
from sen2naip_sr.training.finished import RESULTS, Finished, code_hash, find_finished
from sen2naip_sr.training.fit import FitResult, Observe, Report, Show, fit
from sen2naip_sr.training.mixture.held_out import HeldOut
from sen2naip_sr.training.mixture.sources import imagery_hash, open_sources
from sen2naip_sr.training.parameters import NetworkParameters
from sen2naip_sr.training.reparametrised import Reparametrised, Wrap
from sen2naip_sr.training.start import refuse_unfit, starting_weights
from sen2naip_sr.version import __version__
from sen2naip_sr.weights.files import Weights, WeightsMetadata
from sen2naip_sr.weights.seen import Seen


def train_network(  # noqa: PLR0913 - the last eight are keywords
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    *,
    fabric: Fabric,
    architecture: str,
    checkpoint: Path,
    generators: Mapping[str, Weights | None] | None = None,
    report: Report | None = None,
    observe: Observe | None = None,
    wrap: Wrap | None = None,
    show: Show | None = None,
) -> tuple[Weights, FitResult]:
    """Train one network, or resume an interrupted training with equal inputs.

    Args:
        hr: HR chips.
        lr: Their LR chips.
        splits: The chips to train and to validate on.
        parameters: The network and its training.
        fabric: From `sen2naip_sr.training.launch`.
        architecture: The network's name.
        checkpoint: The checkpoint of an interrupted training.
        generators: Weights by network that an adversarial training can start from.
        report: See `sen2naip_sr.training.fit.fit`.
        observe: See there.
        wrap: Makes a `Reparametrised` of the built network, which is trained instead. The returned
            weights are those of the built network. None: the network itself is trained.
        show: See `sen2naip_sr.training.fit.fit`.

    Returns:
        The averaged weights that were kept, and the result of the training.

    Raises:
        UserError: If the weights to start from are missing or do not fit, and as `fit`.
    """
    data = _training_data(hr, lr, splits, parameters)
    start = starting_weights(architecture, parameters, generators)
    if start:
        refuse_unfit(start, architecture, hr.manifest.shape[1])
    described = _describe(hr, lr, splits, architecture, parameters, start).model_copy(
        update=_imagery(hr, splits, parameters, start, data)
    )
    model = _initial_model(described, architecture, start, parameters.training.seed)
    trained = wrap(model) if wrap else model
    result = fit(
        trained,
        data,
        parameters.training,
        fabric,
        checkpoint=checkpoint,
        fingerprint=_fingerprint(described, trained),
        report=report,
        observe=observe,
        show=show,
    )
    metadata = described.model_copy(
        update={"validation_psnr": result.best_psnr, "step": result.best_step}
    )
    state = trained.folded(result.state) if isinstance(trained, Reparametrised) else result.state
    single = {n: t.float() if t.dtype == torch.float64 else t for n, t in state.items()}
    return Weights(metadata, single, architecture), result


def prepare_network(
    hr: Store, lr: Store, splits: pd.DataFrame, architecture: str, parameters: NetworkParameters
) -> tuple[WeightsMetadata, nn.Module]:
    """Return what the weights of a training will say of themselves, and the network to train.

    Raises:
        UserError: If the weights to start from are missing or do not fit.
    """
    start = starting_weights(architecture, parameters)
    if start:
        refuse_unfit(start, architecture, hr.manifest.shape[1])
    data = _training_data(hr, lr, splits, parameters)
    described = _describe(hr, lr, splits, architecture, parameters, start).model_copy(
        update=_imagery(hr, splits, parameters, start, data)
    )
    return described, _initial_model(described, architecture, start, parameters.training.seed)


def _initial_model(
    described: WeightsMetadata, architecture: str, start: Weights | None, seed: int
) -> nn.Module:
    torch.manual_seed(seed)
    model = build_model(architecture, described.bands, **described.architecture_parameters)
    if start:
        start.load_into(model)
    return model


def finished_training(  # noqa: PLR0913, PLR0917 - what `train_network` takes, and where to look
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    architecture: str,
    folder: Path,
    generators: Mapping[str, Weights | None] | None = None,
) -> Finished | None:
    """Return what `train_network` has made of equal inputs before; None if it has not.

    Args:
        hr: HR chips.
        lr: Their LR chips.
        splits: The chips to train and to validate on.
        parameters: The network and its training.
        architecture: The network's name.
        folder: Where its weights and history are.
        generators: Weights by network that an adversarial training can start from.

    Raises:
        UserError: If the weights to start from or the imagery of a mixture are missing.
    """
    start = starting_weights(architecture, parameters, generators)
    return find_finished(folder, _describe(hr, lr, splits, architecture, parameters, start))


def _fingerprint(described: WeightsMetadata, trained: nn.Module) -> dict[str, Any]:
    """Return what the result depends on besides the parameters of the training."""
    parts = described.model_dump(exclude={"training", "code", *RESULTS - {"train_places"}})
    return parts | (trained.described if isinstance(trained, Reparametrised) else {})


def _training_data(
    hr: Store, lr: Store, splits: pd.DataFrame, parameters: NetworkParameters
) -> TrainingData:
    def chips(split: str) -> Any:
        return splits.loc[splits["split"] == split, "chip"].to_numpy()

    low, high = hr.attributes["value_range"]
    recipe = get_recipe(lr.attributes["recipe"].partition("@")[0])
    own = TrainingData(
        hr.chips,
        lr.chips,
        chips(TRAIN),
        chips(VALIDATION),
        (low, high),
        recipe,
        hr_validity=hr.validity,
        lr_validity=lr.validity,
    )
    mixture, crop_size = parameters.training.mixture, parameters.training.crop_size
    if mixture is None:
        return own
    held_out = HeldOut.of(hr.table("index"), hr.chips, own.train, mixture.held_out)
    return replace(own, sources=open_sources(mixture, hr.chips.shape[1], crop_size, held_out))


def _describe(  # noqa: PLR0913, PLR0917 - all that the metadata describe
    hr: Store,
    lr: Store,
    splits: pd.DataFrame,
    architecture: str,
    parameters: NetworkParameters,
    start: Weights | None,
) -> WeightsMetadata:
    """Return the metadata of the weights, without its imagery and the result of the training."""
    mixture = parameters.training.mixture
    return WeightsMetadata(
        architecture=architecture,
        architecture_parameters=_architecture(architecture, parameters, start),
        bands=hr.manifest.shape[1],
        recipe=lr.attributes["recipe"],
        value_range=tuple(hr.attributes["value_range"]),
        dtype=hr.manifest.dtype,
        data_hash=hr.manifest.content,
        split_hash=split_hash(splits),
        train_places=[],
        validation_psnr=float("nan"),
        step=0,
        training=parameters.training.described(),
        version=__version__,
        synthetic=hr.attributes["synthetic"],
        started_from=start.label if start else None,
        commit=git_commit(Path.cwd()),
        imagery_hash=imagery_hash(mixture) if mixture else None,
        code=code_hash(),
    )


def _imagery(
    hr: Store,
    splits: pd.DataFrame,
    parameters: NetworkParameters,
    start: Weights | None,
    data: TrainingData,
) -> dict[str, Any]:
    """Return the metadata on all imagery of a training, that of the initial weights included."""
    mixture = parameters.training.mixture
    places = {place for source in data.sources for place in source.places}
    seen = [source.seen for source in data.sources]
    if mixture is None or mixture.own:
        own = splits[splits["split"] == TRAIN]
        places |= set(own["place"])
        seen.append(Seen.in_chips(hr.index, hr.chips, own["chip"].to_numpy()))
    if start:
        places |= set(start.metadata.train_places)
        seen.append(start.metadata.seen)
    return {"train_places": sorted(places), "seen": Seen.together(seen)}


def _architecture(
    architecture: str, parameters: NetworkParameters, start: Weights | None
) -> dict[str, Any]:
    """Return the architecture's parameters; those of the weights to start from take precedence."""
    if start is None:
        return complete_parameters(architecture, parameters.architecture)
    theirs = start.metadata
    if theirs.architecture == architecture:
        return theirs.architecture_parameters
    return {
        "generator": theirs.architecture,
        "generator_parameters": theirs.architecture_parameters,
    }
