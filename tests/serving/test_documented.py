"""The page about serving names every setting, status and parameter."""

import json
import re
from pathlib import Path

import pytest
from served import MISSING, TIFF

assert not MISSING
PAGE = (Path(__file__).parents[2] / "docs/serving.md").read_text()


def names(pattern, text=PAGE):
    rows = re.findall(r"^\| (`.*?) \|", text, flags=re.M)
    return {name for row in rows for name in re.findall(pattern, row)}


def part(heading):
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def test_every_setting_is_named_with_its_default():
    from sen2naip_sr.serving.settings import ServeSettings

    fields = ServeSettings.model_fields
    assert names(r"`(\w+)`", part("Settings")) == set(fields)
    for name in ("max_bytes", "max_pixels", "max_bands", "max_block_bytes", "expiry", "port"):
        row = next(line for line in part("Settings").splitlines() if f"`{name}`" in line)
        assert f"{fields[name].default:,}" in row or str(fields[name].default) in row


def test_every_status_is_named():
    from sen2naip_sr.serving.api.documents import TELLS
    from sen2naip_sr.serving.problems import STATUS

    named = {int(status) for status in re.findall(r"^\| (\d{3}) \|", PAGE, flags=re.M)}
    assert named == set(TELLS)
    assert set(STATUS.values()) - {400} <= named


def test_every_option_is_named():
    from sen2naip_sr.serving.api.query import JobOptions

    assert names(r"`(\w+)`", part("Small scenes: one request")) == set(JobOptions.model_fields)


def test_the_error_that_is_shown_is_one(client, make_geotiff, tmp_path):
    path = make_geotiff(tmp_path / "scene.tif", bands=3)
    shown = json.loads(part("Errors").split("```json\n")[1].split("```")[0])
    answer = client.post("/v1/upscale", content=path.read_bytes(), headers=TIFF).json()
    assert answer | {"remedy": ""} == shown | {"remedy": ""}
    assert "weights" not in answer["remedy"]


@pytest.mark.parametrize("route", ["upscale", "jobs", "models"])
def test_every_route_is_named(client, route):
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in PAGE
