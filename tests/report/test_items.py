"""The table of completed items: its evidence exists."""

import re
from pathlib import Path

import pytest

from sen2naip_sr.errors import UserError
from sen2naip_sr.pipeline_registry import register_pipelines
from sen2naip_sr.report.items import read_items, rows_of, total

ROOT = Path(__file__).parents[2]
ITEMS = read_items(ROOT / "conf/base/report_items.yml")
PROGRAMS = {"docker", "dvc", "git", "kedro", "sen2naip-sr"}
TARGET = {"The problem": 3, "U-Net": 1, "CARN": 1, "GAN": 1}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.item)
def test_the_evidence_exists(item):
    assert (ROOT / item.file).exists()
    assert item.command.split()[0] in PROGRAMS
    for name in re.findall(r"--pipelines=(\w+)", item.command):
        assert name in register_pipelines()


def test_items_are_listed_once_with_their_points():
    names = [item.item for item in ITEMS]
    assert len(names) == len(set(names))
    points = {item.item: item.points for item in ITEMS}
    assert TARGET.items() <= points.items()


def test_an_item_without_its_file_does_not_count(tmp_path):
    assert total(ITEMS, tmp_path) == "0"
    assert {row["done"] for row in rows_of(ITEMS, tmp_path)} == {"no"}
    assert float(total(ITEMS, ROOT)) == sum(item.points or 0 for item in ITEMS)


def test_a_table_that_is_not_valid_is_named(tmp_path):
    (tmp_path / "items.yml").write_text("- {item: a, points: one, command: b, file: c}")
    with pytest.raises(UserError, match="points"):
        read_items(tmp_path / "items.yml")
