"""What to type against a `UserError`, by its code: on the command line and in a Kedro run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from sen2naip_sr.errors import UserError

ANY = {
    "captum-package-missing": 'pip install "sen2naip_sr[explain]"',
    "colour-table": "gdal_translate -expand rgb",
    "dask-package-missing": 'pip install "sen2naip_sr[dask]"',
    "flower-package-missing": 'pip install "sen2naip_sr[federated]"',
    "dtype-unsupported": "gdal_translate -ot Int32, or -ot Float64",
    "onnx-description-missing": "docs/foreign-models.md",
    "onnx-description-invalid": "docs/foreign-models.md",
    "onnx-package-missing": 'pip install "sen2naip_sr[onnx]"',
    "only-subdatasets": "gdal_translate SUBDATASET x.tif",
    "trackers-package-missing": 'pip install "sen2naip_sr[trackers]"',
    "report-package-missing": 'pip install "sen2naip_sr[report]"',
    "httpx-missing": 'pip install "sen2naip_sr[label]"',
    "scheduler-missing": "dask scheduler, dask worker",
}

COMMAND = ANY | {
    "aoi-several-layers": "--aoi 'FILE|layername=NAME'",
    "aoi-unreadable": "--aoi",
    "aoi-without-crs": "--aoi",
    "aoi-without-polygons": "--aoi",
    "area-across-antimeridian": "--bbox",
    "area-empty": "--aoi, --bbox",
    "area-invalid": "--bbox, --window",
    "area-not-placed": "--window COL,ROW,WIDTH,HEIGHT",
    "area-outside": "--bbox, --bbox-crs, --window, --aoi",
    "crs-unknown": "--bbox-crs, --aoi",
    "backend-missing": "--backend",
    "federation-insecure": "--ca, --certificate, --key, --site-key; --insecure",
    "federation-settings-invalid": "--config",
    "address-taken": "--port, --host",
    "alpha-or-image": "--bands",
    "band-name-ambiguous": "--bands",
    "bands-differ": "--bands; --weights FILE",
    "bands-do-not-fit": "gdalwarp -tr, -te",
    "product-unknown": "--stack red=FILE,green=FILE,blue=FILE,nir=FILE",
    "calibration-missing": "leave out --uncertainty",
    "conditions-not-supported": "leave out --noise, --blur, --compression",
    "device-missing": "--device cpu",
    "format-refused": "--drivers NAME; gdal_translate",
    "image-too-small": "--consistency off",
    "name-too-long": "--output",
    "no-bands": "--bands",
    "no-shipped-weights": "sen2naip-sr models; --weights FILE",
    "noise-out-of-range": "--noise; --range LOW:HIGH",
    "onnx-option-refused": "leave it out; --model NAME",
    "options-invalid": "sen2naip-sr upscale --help",
    "output-exists": "--overwrite",
    "output-is-file": "--output FOLDER",
    "output-is-folder": "--output FILE",
    "output-is-input": "--output",
    "result-not-finite": "--range LOW:HIGH",
    "serving-package-missing": 'pip install "sen2naip_sr[serve]"',
    "settings-invalid": "sen2naip-sr serve --help",
    "settings-unreadable": "--config",
    "spool-damaged": "--spool",
    "spool-in-use": "--spool",
    "spool-unusable": "--spool",
    "stack-invalid": "--stack red=FILE,green=FILE,blue=FILE,nir=FILE",
    "tile-invalid": "--tile",
    "tiles-out-of-memory": "--batch, --tile",
    "unknown-backend": "--backend",
    "unknown-band": "--bands",
    "unknown-driver": "--drivers NAME",
    "unknown-model": "sen2naip-sr models",
    "value-range-invalid": "--range LOW:HIGH",
    "window-invalid": "--window COL,ROW,WIDTH,HEIGHT",
    "window-off-grid": "--window",
    "window-outside": "--window",
    "window-without-data": "--window",
}

KEDRO = ANY | {
    "aoi-several-layers": "upscaling.aoi",
    "aoi-unreadable": "upscaling.aoi",
    "aoi-without-crs": "upscaling.aoi",
    "aoi-without-polygons": "upscaling.aoi",
    "area-across-antimeridian": "upscaling.bbox",
    "area-empty": "upscaling.aoi, upscaling.bbox",
    "area-invalid": "upscaling.bbox, upscaling.window",
    "area-not-placed": "upscaling.window",
    "area-outside": "upscaling.bbox, upscaling.bbox_crs, upscaling.window, upscaling.aoi",
    "crs-unknown": "upscaling.bbox_crs, upscaling.aoi",
    "asynchronous-run": "leave out --async and is_async",
    "architecture-fixed": "NETWORK.start_from=null",
    "alpha-or-image": "upscaling.bands, or ingestion.bands for chips",
    "band-name-ambiguous": "upscaling.bands, or ingestion.bands for chips",
    "bands-differ": "upscaling.bands, or ingestion.bands for chips",
    "batch-not-divisible": "NETWORK.training.batch_size, NETWORK.training.distributed.processes",
    "calibration-damaged": "kedro run --pipelines=calibrate_NETWORK",
    "calibration-differs": "kedro run --pipelines=calibrate_NETWORK",
    "calibration-missing": "kedro run --pipelines=calibrate_NETWORK",
    "chip-size-invalid": "ingestion.chip_size, ingestion.reduce",
    "conditions-not-supported": "upscaling.noise, upscaling.blur, upscaling.compression",
    "conditions-not-trained": "NETWORK.architecture.conditions=false",
    "confirmation-invalid": "tune.confirm",
    "crop-too-large": "NETWORK.training.crop_size, NETWORK.training.augmentation",
    "crop-too-small": "NETWORK.training.crop_size, NETWORK.training.losses",
    "device-missing": "evaluation.accelerator, NETWORK.training.accelerator, upscaling.device",
    "download-changed": "ingestion.path",
    "download-failed": "--params ingestion.path=FILE; ingestion.sen2naip",
    "endpoint-taken": "NETWORK.training.distributed.endpoint",
    "endpoint-unreachable": "NETWORK.training.distributed: endpoint, nodes, join_timeout",
    "epsilon-not-met": "federate.privacy, federate.rounds",
    "federated-adversarial": "federate.model",
    "place-of-two-sites": "federate.sites",
    "quorum-not-met": "federate.quorum, federate.timeout",
    "site-too-small": "federate.sites, federate.fewest_chips, federate.held_out",
    "too-few-sites": "federate.sites",
    "too-few-sites-for-strategy": "federate.strategy, federate.clients",
    "feature-weights-damaged": "evaluation.perceptual",
    "feature-weights-differ": "evaluation.perceptual",
    "feature-weights-unchecked": "evaluation.perceptual",
    "folder-in-use": "'workers' sets how many trainings one run does at a time",
    "format-refused": "upscaling.drivers, ingestion.drivers; gdal_translate",
    "generator-missing": "kedro run --pipelines=train_NETWORK",
    "held-out-place-seen": "NETWORK.start_from=null",
    "image-too-small-to-explain": "explain.window, explain.models, ingestion.chip_size",
    "input-left-out": "--nodes, --from-nodes, --tags",
    "label-export-foreign": "labels.export",
    "label-export-unreadable": "labels.export",
    "label-studio-refused": "LABEL_STUDIO_TOKEN, labels.server",
    "label-studio-unreachable": "labels.server; docker compose --profile label up",
    "label-tasks-missing": "kedro run --pipelines=label_tasks",
    "labels-missing": "labels.export",
    "labels-need-two-methods": "labels.methods; kedro run --pipelines=train_NETWORK",
    "left-out-unreadable": "ingestion.leave_out",
    "launched-twice": "kedro run, without torchrun",
    "learning-rate-twice": "NETWORK.training.learning_rate",
    "loss-needs-bands": "NETWORK.training.losses",
    "loss-not-finite": "NETWORK.training.learning_rate",
    "method-architecture-differs": "kedro run --pipelines=train_NETWORK",
    "method-data-differ": "kedro run --pipelines=train_NETWORK",
    "method-name-taken": "evaluation.weights, evaluation.peers",
    "metric-not-scored": "comparing.metric",
    "name-too-long": "upscaling.output",
    "no-pair": "--params evaluation.pairs.folders=FOLDER",
    "mixture-bands-differ": "NETWORK.training.mixture.sources: bands",
    "mixture-depths-differ": "NETWORK.training.mixture.sources",
    "mixture-empty": "NETWORK.training.mixture: own, sources",
    "mixture-recipe-differs": "preprocessing.recipe, NETWORK.training.mixture=null",
    "mixture-too-small": "NETWORK.training: crop_size, mixture.pixel_sizes",
    "no-regions": "ingestion.path",
    "no-scene": "--params upscaling.source=FILE",
    "no-shared-chips": "preprocessing.splits, evaluation.chips",
    "no-shipped-weights": "NETWORK.start_from=null",
    "no-test-chip": "preprocessing.splits",
    "no-test-set": "evaluation.test_sets, --env=places",
    "no-tracked-run": "kedro run --pipelines=evaluate",
    "no-training-chip": "preprocessing.splits",
    "no-training-place": "preprocessing.splits: test_places, validation_places, test_fraction, "
    "validation_fraction",
    "no-usable-chip": "ingestion.bands, ingestion.chip_size, ingestion.min_valid_fraction",
    "noise-out-of-range": "upscaling.noise",
    "not-in-pipeline": "--pipelines",
    "nothing-selected": "--nodes, --from-nodes, --to-nodes, --from-inputs, --to-outputs, --tags",
    "no-versions": "without --load-versions",
    "no-weights-to-explain": "explain.models; kedro run --pipelines=train_NETWORK",
    "no-weights-trained": "kedro run --pipelines=train_NETWORK",
    "onnx-option-refused": "upscaling.weights=null",
    "options-invalid": "upscaling",
    "output-exists": "upscaling.overwrite=true",
    "parameters-invalid": "--params, or conf/",
    "peer-file-damaged": "evaluation.peers",
    "peer-file-missing": "evaluation.peers",
    "peer-package-missing": "pip install ncnn",
    "precision-missing": "NETWORK.training.precision",
    "recipe-not-recorded": "NETWORK.training.augmentation.recipes",
    "run-given-twice": '--params "runs=RUN/METHOD;RUN/METHOD"',
    "experiment-not-run": "kedro run --pipelines=EXPERIMENT; report.experiments",
    "report-items-invalid": "conf/base/report_items.yml",
    "report-not-compiled": "src/sen2naip_sr/report/report.typ",
    "runner-not-usable": "--runner; 'workers' of an experiment is its number of processes",
    "runner-parameters-invalid": "--runner-params",
    "run-without-scores": "kedro run --pipelines=evaluate makes one",
    "schedule-not-allowed": "training.schedule.name, or confirm.schedule.name in tune",
    "search-invalid": "tune.training",
    "search-space-invalid": "tune.space",
    "seed-invalid": "ingestion.sample.seed",
    "source-empty": "ingestion.path",
    "source-is-folder": "ingestion.path, ingestion.source=directory",
    "source-is-no-folder": "ingestion.path",
    "source-missing": "ingestion.path",
    "start-architecture-differs": "NETWORK.start_from",
    "start-bands-differ": "NETWORK.start_from, ingestion.bands",
    "store-missing": "kedro run --pipelines=preprocess",
    "subspaces-too-large": "intrinsic_dimension.dimensions",
    "test-set-empty": "evaluation.test_sets",
    "test-set-missing": "evaluation.folder, evaluation.test_sets",
    "test-ground-seen": "kedro run --pipelines=train_NETWORK",
    "test-place-seen": "kedro run --pipelines=train_NETWORK",
    "too-few-places": "--params ingestion.place=grid,ingestion.grid_metres=500, or "
    "ingestion.place=file",
    "too-few-runs": '--params "runs=RUN;RUN", or "runs=RUN/METHOD;RUN/METHOD"; '
    "docs/comparing-runs.md",
    "tracker-failed": "conf/base/mlflow.yml",
    "tracking-database-outdated": "mlflow db upgrade sqlite:///mlflow.db",
    "too-many-processes": "NETWORK.training.distributed.processes, NETWORK.training.accelerator",
    "training-collapsed": "NETWORK.training.adversarial: learning_rate, ramp_steps",
    "training-out-of-memory": "NETWORK.training: batch_size, crop_size, and batch_growth makes up "
    "for smaller batches",
    "triple-invalid": "NETWORK.training.perceptual.triples",
    "unknown-chip": "explain.ids",
    "unknown-driver": "upscaling.drivers, ingestion.drivers",
    "unknown-environment": "--env",
    "unknown-model": "model=NETWORK",
    "unknown-name": "kedro registry describe PIPELINE; kedro catalog describe-datasets -p PIPELINE",
    "unknown-parameter": "for instance training.learning_rate in tune.space",
    "unknown-pipeline": "kedro registry list",
    "unknown-place": "preprocessing.splits: test_places, validation_places",
    "unknown-recipe": "preprocessing.recipe, or recipe and recipes in "
    "NETWORK.training.augmentation",
    "unknown-run": "kedro mlflow ui",
    "unknown-runner": "--runner",
    "value-range-invalid": "upscaling.value_range",
    "value-range-unknown": "--params 'ingestion.value_range=0;1'",
    "vgg-download-failed": "NETWORK.training.perceptual.weights",
    "vgg-weights-damaged": "NETWORK.training.perceptual.weights",
    "vgg-weights-differ": "NETWORK.training.perceptual.weights",
    "vgg-weights-missing": "NETWORK.training.perceptual.weights=download",
}


def typed_against(codes: Iterable[str], phrases: Mapping[str, str]) -> list[str]:
    """Return what to type against errors that have been reported already, each once."""
    return [phrases[code] for code in dict.fromkeys(codes) if code in phrases]


def phrased(error: UserError, phrases: Mapping[str, str]) -> str:
    """Return an error's message, and with it what to type by the phrases `COMMAND` or `KEDRO`."""
    typed = phrases.get(error.code)
    return f"{error} ({typed})" if typed else str(error)


@contextmanager
def plain_errors(
    phrases: Mapping[str, str], tell: Callable[[Mapping[str, Any]], object] | None = None
) -> Iterator[None]:
    """Show errors that the user can fix without a traceback, with what to type against them.

    ``tell``, if given, is called with the error as an event for programs, before it is shown.
    """
    try:
        yield
    except UserError as error:
        if tell is not None:
            parts = {"code": error.code, "problem": error.problem, "remedy": error.remedy}
            tell({"event": "error", **parts})
        raise click.ClickException(phrased(error, phrases)) from error
