"""Drawings and tables of networks: what they say is what the modules are."""

import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest

from sen2naip_sr.models.cost import count_parameters
from sen2naip_sr.models.networks import NETWORKS, architecture_parameters
from sen2naip_sr.models.registry import build_model
from sen2naip_sr.report.diagram import draw_network
from sen2naip_sr.report.hyperparameters import documented
from sen2naip_sr.report.layers import stages_of
from sen2naip_sr.training.parameters import TrainingParameters
from sen2naip_sr.training.parameters.optimization import ScheduleParameters


def build(name):
    return build_model(name, 4, **architecture_parameters(name)().model_dump()).to("meta")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_parameters_of_the_stages_add_up(name):
    model = build(name)
    stages = stages_of(model, 4)
    assert sum(stage.parameters * stage.count for stage in stages) == count_parameters(model)


@pytest.mark.parametrize(
    ("name", "scale", "channels"), [("lean", 1, 16), ("carn", 2, 4), ("unet", 2, 4)]
)
def test_the_last_stage_makes_the_image(name, scale, channels):
    last = stages_of(build(name), 4)[-1]
    assert (last.scale, last.channels) == (Fraction(scale), channels)


def test_equal_blocks_in_a_row_are_one_stage():
    stages = stages_of(build("lean"), 4)
    assert [stage.count for stage in stages] == [1, 10, 1, 1]
    assert "conv 3" in stages[1].kind


def test_what_stages_read_is_that_of_the_papers():
    reads = {stage.name: stage.reads for stage in stages_of(build("unet"), 4)}
    names = [*reads]
    for level, decoder in ((1, "decoder.0"), (0, "decoder.1")):  # Ronneberger et al. 2015, fig. 1
        assert names.index(f"encoder.{level}") + 1 in reads[decoder]
    carn = stages_of(build("carn"), 4)
    fusions = [stage for stage in carn if "fusions" in stage.name]
    cascades = [number for number, stage in enumerate(carn, 1) if "stages" in stage.name]
    for at, fusion in enumerate(fusions, 1):  # Ahn et al. 2018, fig. 2: of all cascades before
        assert fusion.reads == (1, *cascades[:at])


def test_further_connections_are_drawn():
    drawing = draw_network(stages_of(build("carn"), 4), 4)
    assert ">+ 1, 2, 4<" in drawing


@pytest.mark.parametrize("name", NETWORKS)
def test_the_drawing_shows_every_stage(name):
    stages = stages_of(build(name), 4)
    drawing = ET.fromstring(draw_network(stages, 4))
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in drawing.iter(f"{space}text")]
    assert len(list(drawing.iter(f"{space}rect"))) == len(stages) + 1
    for stage in stages:
        assert f"{stage.parameters * stage.count:,} parameters" in texts
    width, height = float(drawing.get("width")), float(drawing.get("height"))
    for group in drawing.iter(f"{space}g"):
        x, y = map(float, group.get("transform")[10:-1].split())
        assert 0 <= x < width - 132
        assert 0 <= y < height - 82


@pytest.mark.parametrize(
    "model",
    [TrainingParameters, ScheduleParameters, *map(architecture_parameters, NETWORKS)],
    ids=lambda model: model.__name__,
)
def test_every_hyperparameter_has_a_text(model):
    texts = documented(model)
    assert {name for name in model.model_fields if not texts.get(name)} == set()
