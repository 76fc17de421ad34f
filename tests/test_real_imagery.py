"""Real NAIP, where it lies beside the project: ingestion, splits and the baseline that counts."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kurtosis

from sen2naip_sr.chips.lr_store import Downscaling
from sen2naip_sr.chips.splits import SplitParameters, make_splits
from sen2naip_sr.chips.store import require_store
from sen2naip_sr.evaluation.columns import ALL_BANDS
from sen2naip_sr.evaluation.comparison import best_interpolation
from sen2naip_sr.evaluation.methods import interpolations
from sen2naip_sr.evaluation.parameters import EvaluationParameters
from sen2naip_sr.evaluation.scoring import score_methods
from sen2naip_sr.sources.directory import DirectorySource
from sen2naip_sr.sources.ingest import Ingestion
from sen2naip_sr.sources.parameters import IngestionParameters

NAIP = Path(__file__).parents[2] / "shared/data/naip"
TEST_PLACES = ["ca-santa-monica-2020", "wv-3708020-sw", "ca-central-valley"]

pytestmark = pytest.mark.skipif(
    not NAIP.is_dir(), reason="the benchmark's NAIP chips are not beside the project"
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("naip")
    parameters = IngestionParameters(
        source="directory", path=str(NAIP), place="folder", date_pattern="-(new|old)-"
    )
    Ingestion(DirectorySource(NAIP), parameters).make(folder / "hr")
    hr = require_store(folder / "hr")
    Downscaling(hr, "bicubic_antialiased").make(folder / "lr")
    return hr, require_store(folder / "lr")


def test_every_chip_is_used(stores):
    hr, lr = stores
    assert hr.manifest.shape == (497, 4, 256, 256)
    assert lr.manifest.shape == (497, 4, 128, 128)
    assert hr.table("rejected").empty
    assert hr.attributes["bands"] == ["Red", "Green", "Blue", "NIR"]


def test_two_dates_of_one_ground_are_one_location(stores):
    index = stores[0].table("index").set_index("place")
    assert index.loc["wv-3708020-sw", "location"].nunique() == 8
    assert (index.loc["wv-3708020-sw", "crs"] == "").all()
    assert index.loc["ca-chico-2018", "location"].nunique() == 99


def test_the_interpolation_to_beat_is_lanczos(stores):
    hr, lr = stores
    splits = make_splits(hr.table("index"), SplitParameters(test_places=TEST_PLACES))
    scores = score_methods(interpolations(4), hr, lr, splits, EvaluationParameters(chips=12))
    assert best_interpolation(scores) == "lanczos"
    psnr = scores[scores["band"] == ALL_BANDS].pivot(index="chip", columns="method", values="psnr")
    gap = psnr["lanczos"] - psnr["bicubic"]
    assert 0.1 < gap.mean() < 0.6
    assert (psnr.drop(columns=["lanczos", "bicubic"]).lt(psnr["bicubic"], axis=0)).all(axis=None)


def test_synthetic_landscapes_have_edges_as_real_ones_do(stores):
    from sen2naip_sr.landscape.generator import STYLES, landscape

    real = [stores[0].chips[chip] for chip in range(10, 490, 40)]
    drawn = [landscape((7, number), style, 256) for number, style in enumerate(STYLES)]

    def tails(images):
        return np.mean([kurtosis(np.diff(image.astype(float)), axis=None) for image in images])

    assert 0.4 < tails(drawn) / tails(real) < 2.5
