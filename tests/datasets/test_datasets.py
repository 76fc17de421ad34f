"""Every dataset of the project, made by the catalog as the configuration makes it."""

import base64
import io
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pandas as pd
import pytest
import torch
from affine import Affine
from kedro.io import DataCatalog, DatasetError
from matplotlib.figure import Figure
from PIL import Image
from rasterio.crs import CRS

from sen2naip_sr.chips.store import write_store
from sen2naip_sr.datasets import BytesDataset
from sen2naip_sr.raster.geotiff import Raster
from sen2naip_sr.weights.files import Weights, WeightsMetadata

KINDS = {
    "AnimationDataset": "below/animation.gif",
    "BytesDataset": "below/report.pdf",
    "PathDataset": "checkpoint.pt",
    "FigureDataset": "below/figure.png",
    "GeoTIFFDataset": "below/scene.tif",
    "HistoryDataset": "below/history.csv",
    "TextDataset": "below/text.txt",
    "StoreDataset": "below/store",
    "WeightsDataset": "below/weights.safetensors",
}


@pytest.fixture
def make_dataset(tmp_path):
    """Return the dataset of a kind, as a catalog makes it of its entry."""

    def make(kind, **options):
        entry = {
            "type": f"sen2naip_sr.datasets.{kind}",
            "filepath": str(tmp_path / KINDS[kind]),
            "metadata": {"kedro-viz": {"layer": "models"}},
            **options,
        }
        return DataCatalog.from_config({"it": entry}).get("it")

    return make


class SmallStore:
    """A store with one chip that is yet to be made."""

    def __init__(self):
        self.made = 0

    def make(self, folder):
        self.made += 1
        with write_store(folder, "fingerprint", (1, 2, 2), np.dtype("uint8")) as writer:
            writer.append(np.full((1, 2, 2), 7, np.uint8))


@pytest.fixture
def weights():
    metadata = WeightsMetadata(
        architecture="carn",
        architecture_parameters={"channels": 4},
        bands=4,
        recipe="area@1",
        value_range=(0, 255),
        dtype="uint8",
        data_hash="d",
        split_hash="s",
        train_places=["a"],
        validation_psnr=30.0,
        step=4,
        training={},
        version="0",
        synthetic=True,
    )
    return Weights(metadata, {"layer": torch.arange(4.0)}, "")


@pytest.mark.parametrize("kind", KINDS)
def test_describes_itself_keeps_its_metadata_and_can_be_sent_to_another_process(
    kind, make_dataset, tmp_path
):
    dataset = make_dataset(kind)
    assert str(tmp_path / KINDS[kind]) in str(dataset)
    assert dataset.metadata == {"kedro-viz": {"layer": "models"}}
    again = ForkingPickler.loads(ForkingPickler.dumps(dataset))
    assert again._describe() == dataset._describe()


def test_geotiff_survives_with_its_georeferencing(make_dataset):
    dataset = make_dataset("GeoTIFFDataset")
    assert not dataset.exists()
    pixels = np.arange(4 * 6 * 8, dtype=np.uint16).reshape(4, 6, 8)
    transform = Affine(10, 0, 399_960, 0, -10, 4_100_040)
    raster = Raster(pixels, transform, CRS.from_epsg(32611), 0, ("r", "g", "b", "nir"))
    dataset.save(raster)
    assert dataset.exists()
    again = dataset.load()
    np.testing.assert_array_equal(again.pixels, pixels)
    assert (again.transform, again.crs, again.nodata) == (transform, raster.crs, 0)
    assert again.bands == raster.bands


def test_store_is_made_when_it_is_saved(make_dataset):
    dataset = make_dataset("StoreDataset")
    assert not dataset.exists()
    unmade = SmallStore()
    dataset.save(unmade)
    assert unmade.made == 1
    assert dataset.exists()
    assert dataset.load().chips[0].tolist() == [[[7, 7], [7, 7]]]


def test_a_store_that_is_not_there_is_named(make_dataset):
    with pytest.raises(DatasetError, match="no complete chip store"):
        make_dataset("StoreDataset").load()


def test_weights_survive_with_their_metadata(make_dataset, weights):
    dataset = make_dataset("WeightsDataset")
    dataset.save(weights)
    assert dataset.exists()
    again = dataset.load()
    assert again.metadata == weights.metadata
    assert again.state["layer"].tolist() == [0, 1, 2, 3]
    # another run, which has not saved them
    assert (again.new, make_dataset("WeightsDataset").load().new) == (True, False)


PREVIEWED = ["FigureDataset", "HistoryDataset", "StoreDataset", "TextDataset"]


@pytest.mark.parametrize("kind", PREVIEWED)
def test_what_is_not_made_yet_has_an_empty_preview_and_no_statistics(kind, make_dataset):
    dataset = make_dataset(kind)
    assert dataset.preview() == ""
    assert dataset.statistics() == {}


def test_weights_that_nobody_has_trained_yet_say_so_in_their_preview(make_dataset):
    dataset = make_dataset("WeightsDataset")
    assert dataset.preview()["data"] == [["weights", "none yet"]]
    assert dataset.statistics() == {}


def test_a_store_of_one_band_and_no_table_has_a_preview(make_dataset):
    dataset = make_dataset("StoreDataset")
    dataset.save(SmallStore())
    with Image.open(io.BytesIO(base64.b64decode(dataset.preview()))) as picture:
        assert picture.width > picture.height
    assert dataset.statistics()["rows"] == 1


def test_a_history_survives_and_shows_what_it_has(make_dataset):
    dataset = make_dataset("HistoryDataset")
    table = pd.DataFrame({"step": [0, 5], "loss": [None, 0.25]})
    dataset.save(table)
    pd.testing.assert_frame_equal(dataset.load(), table)
    assert len(dataset.preview()) > 1000
    dataset.save(table[["step"]])
    assert len(dataset.preview()) > 1000


def test_a_text_survives_and_is_shown_as_text(make_dataset):
    dataset = make_dataset("TextDataset")
    dataset.save("5 < 7 ° <script>\n")
    assert dataset.load() == "5 < 7 ° <script>\n"
    assert "5 &lt; 7 ° &lt;script&gt;\n" in dataset.preview()


def test_weights_that_nobody_has_trained_yet_are_none(make_dataset):
    dataset = make_dataset("WeightsDataset")
    assert not dataset.exists()
    assert dataset.load() is None


def test_damaged_weights_are_left_out_with_a_warning(make_dataset, weights, tmp_path, caplog):
    dataset = make_dataset("WeightsDataset")
    dataset.save(weights)
    path = tmp_path / KINDS["WeightsDataset"]
    path.write_bytes(path.read_bytes()[:-3])
    assert dataset.load() is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert f"{path} is damaged" in record.message
    assert "What to do:" in record.message


def test_checkpoint_is_a_path_that_only_the_fit_loop_writes(make_dataset, tmp_path):
    dataset = make_dataset("PathDataset")
    assert dataset.load() == tmp_path / "checkpoint.pt"
    with pytest.raises(DatasetError, match="while its node runs"):
        dataset.save("anything")


def test_figure_becomes_a_picture_and_its_preview(make_dataset, tmp_path):
    dataset = make_dataset("FigureDataset", dpi=50)
    assert not dataset.exists()
    dataset.save(Figure(figsize=(4, 2)))
    assert dataset.exists()
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["figure.png"]
    picture = Image.open(io.BytesIO(base64.b64decode(dataset.preview())))
    assert (picture.format, picture.size) == ("PNG", (200, 100))
    with pytest.raises(DatasetError, match="only written"):
        dataset.load()


def test_a_figure_that_cannot_be_drawn_leaves_the_old_one(make_dataset, tmp_path):
    dataset = make_dataset("FigureDataset")
    dataset.save(Figure(figsize=(1, 1)))
    before = (tmp_path / "below/figure.png").read_bytes()
    broken = Figure()
    broken.savefig = lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    with pytest.raises(DatasetError, match="No space left"):
        dataset.save(broken)
    assert (tmp_path / "below/figure.png").read_bytes() == before
    assert len(list((tmp_path / "below").iterdir())) == 1


def test_pictures_become_an_animation_that_pauses_at_its_end(make_dataset, tmp_path):
    dataset = make_dataset("AnimationDataset", milliseconds=100)
    assert not dataset.exists()
    ramp = np.arange(240, dtype=np.uint8).reshape(8, 10, 3)
    pictures = [np.roll(ramp, number, axis=0) for number in range(4)]
    dataset.save(pictures)
    assert dataset.exists()
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["animation.gif"]
    with Image.open(tmp_path / KINDS["AnimationDataset"]) as animation:
        assert (animation.n_frames, animation.size) == (4, (10, 8))
        durations = []
        for frame in range(4):
            animation.seek(frame)
            durations.append(animation.info["duration"])
    assert durations == [100, 100, 100, 2000]
    with pytest.raises(DatasetError, match="only written"):
        dataset.load()


def test_bytes_are_kept_as_they_are(tmp_path):
    dataset = BytesDataset(filepath=str(tmp_path / "folder/report.pdf"))
    assert not dataset.exists()
    dataset.save(b"%PDF\x00\xff")
    assert dataset.load() == b"%PDF\x00\xff"
    assert dataset.statistics() == {"file_size": 6}
