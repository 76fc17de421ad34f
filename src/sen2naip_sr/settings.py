"""Project settings. Kedro reads them before anything else of the project."""

import os
import warnings
from pathlib import Path

# no telemetry: nothing about the user's runs leaves the machine
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# MLflow logs the creation of its database, and ignores conf/logging.yml
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# progress bars for small tables are noise
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Kedro deprecates `--pipeline=NAME` in favour of `--pipelines=NAME`; both shall work
warnings.filterwarnings("ignore", message="Option '--pipeline' is deprecated")

import yaml  # noqa: E402
from kedro.framework.project import LOGGING  # noqa: E402
from kedro.utils import find_kedro_project  # noqa: E402

from sen2naip_sr.cli.deferred import defer_mlflow  # noqa: E402
from sen2naip_sr.cli.hooks import CheckHooks  # noqa: E402
from sen2naip_sr.hooks import ProjectHooks  # noqa: E402
from sen2naip_sr.tracking.hooks import TrackingHooks  # noqa: E402
from sen2naip_sr.tracking.recording import RecordingHooks  # noqa: E402
from sen2naip_sr.tracking.trackers.hooks import TrackerHooks  # noqa: E402
from sen2naip_sr.viz_hooks import VizHooks  # noqa: E402

TRACKING_URI = "SEN2NAIP_SR_TRACKING_URI"
"""Not MLFLOW_TRACKING_URI, which MLflow sets itself for the processes that a run starts."""


def project_root() -> str:
    """Return the project's folder, from any folder below it."""
    return (find_kedro_project(Path.cwd()) or Path(__file__).resolve().parents[2]).as_posix()


def tracking_uri() -> str:
    """Return where runs are recorded: the server that the environment names, or the project."""
    return os.environ.get(TRACKING_URI) or f"sqlite:///{project_root()}/mlflow.db"


def artifact_location() -> str | None:
    """Return where files of runs go; None: the server that the environment names decides."""
    return None if os.environ.get(TRACKING_URI) else f"{project_root()}/mlartifacts"


def log_as_configured() -> None:
    """Log by the project's conf/logging.yml, which Kedro finds in the project's folder only."""
    configuration = Path(project_root(), "conf", "logging.yml")
    if "KEDRO_LOGGING_CONFIG" not in os.environ and configuration.is_file():
        if Path.cwd() != Path(project_root()):
            LOGGING.configure(yaml.safe_load(configuration.read_text(encoding="utf-8")))


log_as_configured()
defer_mlflow()

# what a later one tries first comes first: the checks, then the tracker
HOOKS = (
    TrackerHooks(),
    RecordingHooks(),
    TrackingHooks(),
    ProjectHooks(),
    VizHooks(),
    CheckHooks(),
)

CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"parameters": "soft", "globals": "soft", "mlflow": "soft"},
    "custom_resolvers": {
        "project_root": project_root,
        "tracking_uri": tracking_uri,
        "artifact_location": artifact_location,
    },
}
