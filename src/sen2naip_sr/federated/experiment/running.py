"""Federated training against each site alone, all data together, and other divisions of the data.

McMahan et al. 2017, "Communication-Efficient Learning of Deep Networks from Decentralized Data",
https://arxiv.org/abs/1602.05629, compare by rounds; here at equal steps and at equal communication.
"""

import json
from pathlib import Path

import pandas as pd

from sen2naip_sr.experiments.running.length import mark_short, nothing_said, too_short
from sen2naip_sr.experiments.running.outcome import Outcome
from sen2naip_sr.experiments.running.setting import Done, Findings, Setting, describe_failures
from sen2naip_sr.federated.experiment.arms import FEDERATED, IID, ROUNDS, plan_arms, run_federated
from sen2naip_sr.federated.experiment.comparison import compare_arms, score_arms
from sen2naip_sr.federated.experiment.findings import describe, draw
from sen2naip_sr.federated.flower import require_flower
from sen2naip_sr.federated.parameters import FederatedParameters
from sen2naip_sr.federated.rounds import Round


def compare_federated(
    parameters: FederatedParameters, setting: Setting, done: Done | None = None
) -> Findings:
    """Train federated and otherwise, and say how they compare, with a figure.

    Finished trainings are skipped, and interrupted ones resume.

    Raises:
        UserError: If sites, strategy or privacy are not valid, or Flower is not installed.
    """
    require_flower()
    sites, arms = plan_arms(parameters, setting)
    outcomes: list[Outcome] = []
    for arm in arms:
        if arm.sites:
            outcome = run_federated(arm, parameters, setting)
            outcomes.append(outcome)
            if done:
                done(setting.folder, arm.variation, outcome)
    others = [arm.variation for arm in arms if not arm.sites]
    if others:
        outcomes += setting.run(others, parameters.workers, done)
    rounds = {
        name: read_rounds(setting.folder / name)
        for name in (FEDERATED, IID)
        if (setting.folder / name / ROUNDS).is_file() and any(o.name == name for o in outcomes)
    }
    sent = {name: sum(one.sent_megabytes for one in found) for name, found in rounds.items()}
    scores = score_arms(outcomes, sites, setting)
    table = compare_arms(scores, arms, outcomes, sent, setting.evaluation)
    figure = draw(table, outcomes, rounds)
    # the synchronous training takes one step a round, however long the others are
    short = too_short(one for one in outcomes if one.name in rounds)
    if short:
        text, figure = nothing_said(short), mark_short(figure, short)
    else:
        text = describe(table, rounds, parameters)
    text += describe_failures(outcomes)
    return Findings(text, table, {"figure": figure, "rounds": tabulate(rounds)})


def read_rounds(folder: Path) -> list[Round]:
    """Return the rounds of a federated training from its folder."""
    return [Round.model_validate(one) for one in json.loads((folder / ROUNDS).read_text())]


def tabulate(rounds: dict[str, list[Round]]) -> pd.DataFrame:
    """Return rounds as a table: a row for each training, round and site.

    Columns method, round, site, loss, psnr (of the new weights on the site's held-out chips, dB),
    norm (of the site's change), chips, seconds, refused (why), aggregated, sent_megabytes (of the
    whole round), validation_psnr (dB) and epsilon.
    """
    rows = []
    for method, found in rounds.items():
        for one in found:
            for site in sorted({*one.sites, *one.refused}):
                measures = one.sites.get(site, {})
                rows.append(
                    {
                        "method": method,
                        "round": one.number,
                        "site": site,
                        **{
                            name: measures.get(name)
                            for name in ("loss", "psnr", "norm", "chips", "seconds")
                        },
                        "refused": one.refused.get(site, ""),
                        "aggregated": one.aggregated,
                        "sent_megabytes": one.sent_megabytes,
                        "validation_psnr": one.validation_psnr,
                        "epsilon": one.epsilon,
                    }
                )
    return pd.DataFrame(rows)
