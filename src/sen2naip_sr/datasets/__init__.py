"""Kedro datasets: thin adapters between the catalog and the core."""

from sen2naip_sr.datasets.animation_dataset import AnimationDataset
from sen2naip_sr.datasets.bytes_dataset import BytesDataset
from sen2naip_sr.datasets.figure_dataset import FigureDataset
from sen2naip_sr.datasets.geotiff_dataset import GeoTIFFDataset
from sen2naip_sr.datasets.history_dataset import HistoryDataset
from sen2naip_sr.datasets.path_dataset import PathDataset
from sen2naip_sr.datasets.store_dataset import StoreDataset
from sen2naip_sr.datasets.text_dataset import TextDataset
from sen2naip_sr.datasets.tracked_runs_dataset import TrackedRunsDataset
from sen2naip_sr.datasets.weights_dataset import WeightsDataset

__all__ = [
    "AnimationDataset",
    "BytesDataset",
    "FigureDataset",
    "GeoTIFFDataset",
    "HistoryDataset",
    "PathDataset",
    "StoreDataset",
    "TextDataset",
    "TrackedRunsDataset",
    "WeightsDataset",
]
