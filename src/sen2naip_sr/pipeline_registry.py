"""The pipelines by the names that ``kedro run --pipelines=NAME`` takes."""

import logging
from pathlib import Path

from kedro.pipeline import Pipeline
from kedro.utils import find_kedro_project

from sen2naip_sr.models.networks import NETWORKS
from sen2naip_sr.pipelines import (
    comparison,
    evaluation,
    experiments,
    explain,
    federated,
    ingestion,
    labelling,
    preprocessing,
    report,
    training,
    upscaling,
)

logger = logging.getLogger(__name__)


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by its name.

    Each includes the steps that it depends on. A step whose inputs have not changed finds its
    store on disk and is skipped.
    """
    networks = list(NETWORKS)
    ingest = ingestion.create_pipeline()
    preprocess = ingest + preprocessing.create_pipeline()
    evaluate = preprocess + evaluation.create_pipeline(networks)
    generators = {"gan": [name for name in networks if name != "gan"]}
    train = {
        f"train_{name}": preprocess + training.create_pipeline(name, generators.get(name, ()))
        for name in networks
    }
    calibrate = {
        f"calibrate_{name}": preprocess + upscaling.create_calibration(name) for name in networks
    }
    experiment = {
        name: preprocess + experiments.create_pipeline(name, networks)
        for name in experiments.EXPERIMENTS
    }
    known = {
        "ingest": ingest,
        "preprocess": preprocess,
        **train,
        "evaluate": evaluate,
        "evaluate_pairs": evaluation.create_pairs(networks),
        "evaluate_test_sets": evaluation.create_test_sets(networks),
        "explain": preprocess + explain.create_pipeline(networks),
        "report": report.create_pipeline(),
        "label_tasks": evaluate + labelling.create_tasks(),
        "label_results": labelling.create_results(),
        "compare": comparison.create_pipeline(),
        "upscale": upscaling.create_pipeline(networks),
        **calibrate,
        **experiment,
        "tune": preprocess + experiments.create_tuning(networks),
        "federate": preprocess + federated.create_pipeline(networks),
        "__default__": train["train_lean"] + evaluate,
    }
    root = find_kedro_project(Path.cwd()) or Path(__file__).resolve().parents[2]
    for name in experiments.find_comparisons(root / "conf"):
        if name in known:
            logger.warning("The comparison '%s' has a pipeline's name: give it another", name)
            continue
        known[name] = preprocess + experiments.create_comparison(name, networks)
    return known
