import pytest
import torch

from sen2naip_sr.inference.hardware import best_precision, has_bfloat16


@pytest.mark.parametrize(
    ("supported", "expected"),
    [(set(), False), ({"_is_avx512_bf16_supported"}, True), ({"_is_amx_tile_supported"}, True)],
)
def test_bfloat16_on_a_cpu_needs_its_instructions(monkeypatch, supported, expected):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name in supported, raising=False)
    assert has_bfloat16("cpu") is expected


def test_bfloat16_is_off_where_torch_cannot_tell(monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert has_bfloat16("cpu") is False


@pytest.mark.parametrize("supported", [True, False])
def test_the_best_precision_follows_the_device(monkeypatch, supported):
    monkeypatch.setattr("sen2naip_sr.inference.hardware.has_bfloat16", lambda kind: supported)
    assert best_precision("cpu") == ("bfloat16" if supported else "float32")
    assert (best_precision("cuda"), best_precision("mps")) == ("float16", "float32")
