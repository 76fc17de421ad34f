import pytest
import torch

from sen2naip_sr.training.device import has_bfloat16


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
