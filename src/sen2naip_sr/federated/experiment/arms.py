"""The trainings that a federated experiment compares, and the federated ones among them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sen2naip_sr.chips.splits import TEST, TRAIN, VALIDATION
from sen2naip_sr.chips.store import fingerprint_of
from sen2naip_sr.errors import UserError
from sen2naip_sr.evaluation.methods import Method
from sen2naip_sr.evaluation.scoring import score_chips
from sen2naip_sr.experiments.running.held_out import UNSELECTED, refuse_plateau, require_unseen
from sen2naip_sr.experiments.running.lock import locked
from sen2naip_sr.experiments.running.outcome import (
    CHECKPOINT,
    HISTORY,
    OUTCOME,
    SCORES,
    WEIGHTS,
    Outcome,
    curve_of,
    read_outcome,
    write_outcome,
)
from sen2naip_sr.experiments.running.setting import Setting
from sen2naip_sr.experiments.running.variation import Variation, varied
from sen2naip_sr.federated.local import build
from sen2naip_sr.federated.parameters import FederatedParameters, FederationParameters
from sen2naip_sr.federated.rounds import Round
from sen2naip_sr.federated.server import Report, Weights, federate
from sen2naip_sr.federated.sites import SiteChips, deal, make_sites, plan_sites
from sen2naip_sr.federated.task import Task
from sen2naip_sr.files import write_atomically
from sen2naip_sr.metrics.catalogue import QUICK, trackable
from sen2naip_sr.models.cost import count_parameters, multiply_adds_per_pixel
from sen2naip_sr.training.launch import make_fabric
from sen2naip_sr.training.network import prepare_network
from sen2naip_sr.training.validation import Validator
from sen2naip_sr.weights.files import load_weights, save_weights

FEDERATED, IID, CENTRAL, SYNCHRONOUS = "federated", "federated iid", "central", "synchronous"
ALONE = "alone "
"""The beginning of the names of trainings of one site."""
ROUNDS = "rounds.json"


@dataclass(frozen=True)
class Arm:
    """A training of the experiment.

    Attributes:
        variation: The network, its parameters and its chips.
        sites: The chips of each site; None: the training is not federated.
    """

    variation: Variation
    sites: Mapping[str, SiteChips] | None = None


def plan_arms(
    parameters: FederatedParameters, setting: Setting
) -> tuple[dict[str, SiteChips], list[Arm]]:
    """Return the sites, and the trainings, the federated one first.

    All trainings together use the chips that sites train on; validation places are scored on the
    way and select nothing.

    Raises:
        UserError: If the sites are not valid, or the weights to start from have seen what is
            scored.
    """
    p = parameters
    model, own = setting.network(p.model)
    sites = plan_sites(setting.splits, p.sites, p.held_out, p.fewest_chips)
    steps = p.rounds * p.local_steps
    length = {"steps": steps, "minutes": None, "validate_every": p.local_steps}
    start: dict[str, Any] = {"start_from": p.start_from}
    if p.architecture is not None:
        start["architecture"] = p.architecture
    network = varied(
        own, start, {"training": p.training}, {"training": {**length, "mixture": None}}, UNSELECTED
    ).model_dump(mode="json")
    network = _warmed_up(network, steps)
    refuse_plateau(network["training"]["schedule"]["name"])

    def arm(
        name: str, chips: Mapping[str, SiteChips], *, federated: bool = False, **training: object
    ) -> Arm:
        changed = varied(network, {"training": training})
        if training:
            length = changed.training.steps or steps
            changed = varied(_warmed_up(changed.model_dump(mode="json"), length))
        splits = _splits(setting.splits, chips)
        group = {"group": name.partition(" ")[0]}
        return Arm(Variation(name, model, changed, splits, group), chips if federated else None)

    arms = [arm(FEDERATED, sites, federated=True)]
    if "iid" in p.compare:
        seed = network["training"]["seed"]
        arms.append(arm(IID, deal(sites, setting.splits, seed), federated=True))
    batch = network["training"]["batch_size"] * len(sites)
    if "central" in p.compare:
        arms.append(arm(CENTRAL, sites, batch_size=batch))
    if "synchronous" in p.compare:
        every = max(1, p.rounds // 5)
        arms.append(arm(SYNCHRONOUS, sites, steps=p.rounds, batch_size=batch, validate_every=every))
    if "alone" in p.compare:
        arms += [arm(f"{ALONE}{name}", {name: chips}) for name, chips in sites.items()]
    _require_unseen(arms[0], setting)
    return sites, arms


def run_federated(arm: Arm, parameters: FederatedParameters, setting: Setting) -> Outcome:
    """Train a federated arm in its folder, or find it finished or interrupted there.

    Raises:
        UserError: As `sen2naip_sr.federated.server.federate`.
    """
    variation, plan = arm.variation, arm.sites
    assert plan is not None
    hr, lr, folder = setting.hr, setting.lr, setting.folder / variation.name
    federation = FederationParameters.model_validate(
        parameters.model_dump(include=set(FederationParameters.model_fields))
    )
    fingerprint = fingerprint_of(
        variation.fingerprint(hr, lr, setting.evaluation),
        federation.model_dump(mode="json"),
        {name: [chips.train.tolist(), chips.held_out.tolist()] for name, chips in plan.items()},
    )
    head = variation.head(fingerprint)
    with locked(setting.folder):
        found = read_outcome(folder)
        if found and found.fingerprint == fingerprint and not found.error:
            return found.model_copy(update=head)
        made = _train(arm, federation, setting, folder, fingerprint)
        outcome = Outcome(**head, **made)
        write_outcome(folder, outcome)
    return outcome


def _train(
    arm: Arm, federation: FederationParameters, setting: Setting, folder: Path, fingerprint: str
) -> dict:
    variation, plan = arm.variation, arm.sites or {}
    hr, lr, training = setting.hr, setting.lr, arm.variation.parameters.training
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OUTCOME).unlink(missing_ok=True)
    described, model = prepare_network(
        hr, lr, variation.splits, variation.model, variation.parameters
    )
    task = Task(
        architecture=described.architecture,
        architecture_parameters=described.architecture_parameters,
        bands=described.bands,
        recipe=described.recipe,
        value_range=described.value_range,
        training=training,
        local_steps=federation.local_steps,
        keep_optimizer=federation.keep_optimizer,
        weighting=federation.weighting,
    )
    result = federate(
        make_sites(plan, hr, lr, training.accelerator, folder / "sites"),
        task,
        model.state_dict(),
        federation,
        checkpoint=folder / CHECKPOINT,
        fingerprint={"experiment": fingerprint},
        report=_scorer(task, variation, setting, federation),
    )
    history = history_of(result.rounds, federation.local_steps)
    scored: Any = history.dropna(subset=["validation_psnr"]).to_dict("records")
    curve = curve_of(scored)
    metadata = described.model_copy(
        update={"step": training.steps, "validation_psnr": curve[-1][1]}
    )
    save_weights(folder / WEIGHTS, result.weights, metadata)
    history.to_csv(folder / HISTORY, index=False)
    rounds = "[" + ",\n".join(one.model_dump_json() for one in result.rounds) + "]"
    write_atomically(folder / ROUNDS, rounds.encode())
    network = load_weights(folder / WEIGHTS).build()
    method = Method(variation.name, variation.name, network, trained=True)
    held_out = variation.splits[variation.splits["split"] == VALIDATION]
    scores = score_chips([method], hr, lr, held_out, setting.evaluation, only=QUICK)
    scores.to_parquet(folder / SCORES)
    return {
        "seconds": sum(sum(s.get("seconds", 0.0) for s in r.sites.values()) for r in result.rounds),
        "steps": training.steps,
        "psnr": float(scores.loc[scores["band"] == "all", "psnr"].mean()),
        "parameters": count_parameters(network),
        "multiply_adds": int(multiply_adds_per_pixel(network.cpu(), described.bands)),
        "curve": curve,
    }


def _scorer(task: Task, variation: Variation, setting: Setting, p: FederationParameters) -> Report:
    """Return a report that scores the server's weights on the validation places."""
    hr, lr = setting.hr, setting.lr
    splits = variation.splits
    chips = splits.loc[splits["split"] == VALIDATION, "chip"].to_numpy()
    low, high = hr.attributes["value_range"]
    score = Validator(hr.chips, lr.chips, chips, (low, high), task.training.validation_chips)
    fabric = make_fabric(task.training.accelerator, "32-true")

    def report(this: Round, weights: Weights) -> None:
        if this.number % p.evaluate_every == 0 or this.number == p.rounds:
            model = build(task, weights).to(fabric.device)
            this.validation_psnr = score(model, fabric.device)

    return report


def history_of(rounds: list[Round], local_steps: int) -> pd.DataFrame:
    """Return rounds as a history: a row a round, by steps, with the measures of each site."""
    rows, sent = [], 0.0
    for one in rounds:
        sent += one.sent_megabytes
        row = {
            "step": one.number * local_steps,
            "validation_psnr": one.validation_psnr,
            "sites_used": float(sum("loss" in site for site in one.sites.values())),
            "aggregated": float(one.aggregated),
            "sent_megabytes": sent,
            "epsilon": one.epsilon,
        }
        for site, measures in one.sites.items():
            row |= {trackable(f"{name}/{site}"): value for name, value in measures.items()}
        rows.append(row)
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def _warmed_up(network: dict, steps: int) -> dict:
    """Return a network's parameters with a warm-up of a tenth of the training at most."""
    schedule = network["training"]["schedule"]
    warmup = min(schedule["warmup_steps"], max(1, steps // 10))
    return network | {
        "training": network["training"] | {"schedule": schedule | {"warmup_steps": warmup}}
    }


def _splits(splits: pd.DataFrame, sites: Mapping[str, SiteChips]) -> pd.DataFrame:
    """Return the training chips of sites, and the validation places."""
    chips = [chip for one in sites.values() for chip in one.train.tolist()]
    training = splits[splits["chip"].isin(chips)].assign(split=TRAIN)
    validation = splits[splits["split"] == VALIDATION]
    return pd.concat([training, validation], ignore_index=True)


def _require_unseen(arm: Arm, setting: Setting) -> None:
    """Refuse weights to start from that have seen test places or what sites hold out."""
    held_out = [chip for one in (arm.sites or {}).values() for chip in one.held_out.tolist()]
    splits = setting.splits
    scored = splits[(splits["split"] != TRAIN) | splits["chip"].isin(held_out)]
    if not (splits["split"] == TEST).any():
        raise UserError("no-test-chip", "there is no test chip", "hold out places for the test")
    scored = scored.assign(split=VALIDATION)
    require_unseen(arm.variation.model, arm.variation.parameters, scored, setting.hr)
