import hashlib

import numpy as np
import rasterio
import torch
from affine import Affine
from click.testing import CliRunner

from sen2naip_sr.chips.footprints import Footprints
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.release.seen import main
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights
from sen2naip_sr.weights.seen import look

SMALL = {"channels": 4, "blocks": 1, "units": 1}


def test_old_weights_learn_what_they_have_seen_and_stay_the_same(tmp_path, make_geotiff):
    for number in range(4):
        path = tmp_path / "imagery" / f"place{number // 2}" / f"{number}.tif"
        make_geotiff(
            path, size=32, seed=number, transform=Affine(1, 0, 4e5 + 1000 * number, 0, -1, 4e6)
        )
    state = build_model("carn", 4, **SMALL).state_dict()
    metadata = WeightsMetadata(
        architecture="carn", architecture_parameters=SMALL, bands=4, recipe="area@1",
        value_range=(0, 255), dtype="uint8", data_hash="", split_hash="",
        train_places=["place0"], validation_psnr=30, step=1, training={}, version="0",
        synthetic=False,
    )  # fmt: skip
    file = tmp_path / "weights.safetensors"
    save_weights(file, state, metadata)
    before = load_weights(file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    file.with_suffix(".md").write_text(f"| SHA-256 `{digest}` |")
    result = CliRunner().invoke(main, [str(file), "--imagery", str(tmp_path / "imagery")])
    assert result.exit_code == 0, result.output
    assert "weights.safetensors: complete" in result.output
    after = load_weights(file)
    assert after.label == before.label
    assert all(torch.equal(after.state[name], tensor) for name, tensor in before.state.items())
    assert hashlib.sha256(file.read_bytes()).hexdigest() in file.with_suffix(".md").read_text()
    seen = after.metadata.seen
    assert seen
    shown = {}
    for path in (tmp_path / "imagery").rglob("*.tif"):
        with rasterio.open(path) as raster:
            ground = Footprints.boxes([(raster.crs.to_string(), tuple(raster.bounds))])
            looks = np.array([look(raster.read())])
        by_looks = seen.shows(Footprints.boxes([("", tuple(raster.bounds))]), looks)
        shown[path.parent.name, path.stem] = seen.shows(ground)[0], by_looks[0]
    assert {key for key, (by_ground, _) in shown.items() if by_ground} == {
        ("place0", "0"),
        ("place0", "1"),
    }
    assert all(by_ground == by_looks for by_ground, by_looks in shown.values())
    assert after.metadata.model_copy(update={"seen": None}) == metadata
