import numpy as np
import torch
from click.testing import CliRunner

from sen2naip_sr.models.registry import build_model
from sen2naip_sr.release.seen import main
from sen2naip_sr.weights.files import WeightsMetadata, load_weights, save_weights

SMALL = {"channels": 4, "blocks": 1, "units": 1}


def test_old_weights_learn_what_they_have_seen_and_stay_the_same(tmp_path, make_geotiff):
    for number in range(4):
        path = tmp_path / "imagery" / f"place{number // 2}" / f"{number}.tif"
        make_geotiff(path, size=32, seed=number)
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
    result = CliRunner().invoke(main, [str(file), "--imagery", str(tmp_path / "imagery")])
    assert result.exit_code == 0, result.output
    assert "weights.safetensors: complete" in result.output
    after = load_weights(file)
    assert after.label == before.label
    assert all(torch.equal(after.state[name], tensor) for name, tensor in before.state.items())
    assert after.metadata.seen
    assert len(np.frombuffer(after.metadata.seen.looks.encode(), np.uint8)) > 0
    assert after.metadata.model_copy(update={"seen": None}) == metadata
