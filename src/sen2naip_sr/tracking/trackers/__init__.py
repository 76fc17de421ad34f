"""The trackers of a run: one interface for MLflow, TensorBoard and Weights & Biases."""

from sen2naip_sr.tracking.trackers.tracker import Tracker, Trackers, current, opened

__all__ = ["Tracker", "Trackers", "current", "opened"]
