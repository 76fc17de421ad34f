"""Kedro datasets: thin adapters between the catalog and the core."""

from sen2naip_sr.datasets.checkpoint_dataset import CheckpointDataset
from sen2naip_sr.datasets.figure_dataset import FigureDataset
from sen2naip_sr.datasets.geotiff_dataset import GeoTIFFDataset
from sen2naip_sr.datasets.store_dataset import StoreDataset
from sen2naip_sr.datasets.tracked_runs_dataset import TrackedRunsDataset
from sen2naip_sr.datasets.weights_dataset import WeightsDataset

__all__ = [
    "CheckpointDataset",
    "FigureDataset",
    "GeoTIFFDataset",
    "StoreDataset",
    "TrackedRunsDataset",
    "WeightsDataset",
]
