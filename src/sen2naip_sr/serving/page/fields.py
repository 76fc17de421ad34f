"""The page's form: the scene, the network and the options."""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from sen2naip_sr.serving.page import captions
from sen2naip_sr.serving.page.drawing.pictures import Stretch, View, coloured
from sen2naip_sr.serving.page.examples import EXAMPLES, Example
from sen2naip_sr.serving.page.form import AUTOMATIC, GIVEN, RANGES
from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.serving.settings import ServeSettings

FORMATS = [".tif", ".tiff", ".jp2", ".png", ".jpg", ".jpeg"]

_PICK = """
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button) trigger('click', {example: button.dataset.example});
});
"""


class SceneFields:
    """Where a scene is dropped, or an example taken."""

    def __init__(self, settings: ServeSettings) -> None:
        gr.HTML('<h2 class="step">1. The scene</h2>')
        limit = (
            f"At most {settings.max_bytes / 1e6:,.0f} MB and "
            f"{settings.max_pixels / 1e6:,.0f} million pixels"
        )
        self.upload = gr.File(
            label="GeoTIFF, JPEG 2000, PNG or JPEG",
            file_types=FORMATS,
            type="filepath",
            height=150,
            elem_id="upload",
        )
        gr.HTML(f'<p class="quiet">{limit}. Or take one of these synthetic landscapes:</p>')
        buttons = "".join(_button(example) for example in EXAMPLES)
        self.examples = gr.HTML(
            f'<div class="examples">{buttons}</div>', js_on_load=_PICK, elem_id="examples"
        )


class OptionFields:
    """The network, and how it is used."""

    def __init__(self, networks: Sequence[Choice], default: str) -> None:
        gr.HTML('<h2 class="step">2. The network</h2>')
        self._networks = {choice.entry.model: choice for choice in networks}
        self.model = gr.Radio(
            [(choice.name, model) for model, choice in self._networks.items()],
            value=default,
            label="Network",
            show_label=False,
            elem_id="model",
        )
        self.about = gr.HTML(captions.about_network(self._networks[default]), elem_id="about")
        with gr.Accordion("Compare the networks", open=False):
            gr.HTML(captions.table(networks))
        gr.HTML('<h2 class="step">3. The options</h2>')
        self.value_range = gr.Radio(
            list(RANGES),
            value=AUTOMATIC,
            label="Value range",
            info="The values that are black and white to the network.",
            elem_id="range",
        )
        with gr.Row():
            self.low = gr.Number(0, label="Lowest value", visible=False, min_width=120)
            self.high = gr.Number(10_000, label="Highest value", visible=False, min_width=120)
        self.consistency = gr.Checkbox(
            label="Match the scene's colours",
            info="The result, made smaller again, is the scene (consistency).",
            elem_id="consistency",
        )
        self.uncertainty = gr.Checkbox(
            label="Interval for every value",
            info="A third picture shows how far each value may be off (uncertainty).",
            elem_id="uncertainty",
        )
        with gr.Accordion("More options", open=False):
            self.bands = gr.Textbox(
                label="Bands",
                info="Red, green, blue and near-infrared in your file: 3,2,1,4 or B04,B03,B02,B08. "
                "Empty: in this order already.",
                max_lines=1,
                elem_id="bands",
            )
            self.nodata = gr.Textbox(
                label="Value without data",
                info="Empty: what the file declares.",
                max_lines=1,
                elem_id="nodata",
            )
            self.ensemble = gr.Checkbox(
                label="Mean of eight flips and turns",
                info="A little better, eight times as slow.",
            )
        self.value_range.change(
            lambda kind: [gr.update(visible=kind == GIVEN)] * 2,
            self.value_range,
            [self.low, self.high],
            **QUIET,
        )
        self.model.change(self._describe, self.model, self.about, **QUIET)

    @property
    def all(self) -> list[Any]:
        """All fields, in the order of those of `sen2naip_sr.serving.page.form.Form`."""
        return [
            self.model,
            self.value_range,
            self.low,
            self.high,
            self.consistency,
            self.uncertainty,
            self.ensemble,
            self.bands,
            self.nodata,
        ]

    def _describe(self, model: str) -> str:
        return captions.about_network(self._networks[model])


QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of events: no overlay, and no entry in Gradio's own API."""


def _button(example: Example) -> str:
    pixels = example.pixels()
    valid = np.ones(pixels.shape, bool)
    picture = coloured(pixels, valid, View.TRUE, Stretch.of(pixels, valid))
    stream = io.BytesIO()
    Image.fromarray(picture[:160, :240, :3]).save(stream, "JPEG", quality=82)
    content = base64.b64encode(stream.getvalue()).decode()
    name = escape(example.name)
    return (
        f'<button type="button" data-example="{name}">'
        f'<img alt="" src="data:image/jpeg;base64,{content}"><span>{name}</span></button>'
    )
