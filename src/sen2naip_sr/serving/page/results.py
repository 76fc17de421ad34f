"""The page's right-hand side: the result of a run."""

from pathlib import Path
from typing import Any

import gradio as gr

from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.serving.page.presentation import Shown

_VIEWER = (Path(__file__).parent / "viewer.js").read_text()
_EMPTY = (
    '<div class="empty"><p>The result appears here: before and after with a divider between them, '
    "in true colour and near-infrared, and files to download.</p></div>"
)


class Results:
    """What is shown of a result, and a note in its place before there is one."""

    def __init__(self) -> None:
        self.empty = gr.HTML(_EMPTY)
        with gr.Column(visible=False, elem_id="shown") as self.shown:
            self.heading = gr.HTML()
            self.viewer = gr.HTML(
                html_template='<div class="viewer"></div>', js_on_load=_VIEWER, elem_id="viewer"
            )
            with gr.Row(visible=False) as self.place:
                self.across = _slider("Part shown, from the left", "across")
                self.down = _slider("Part shown, from the top", "down")
            self.downloads = gr.HTML(elem_id="downloads")
            self.notes = gr.HTML(elem_id="notes")
            with gr.Accordion("What the network changed", open=False):
                self.chart = gr.HTML(elem_id="chart")
            with gr.Accordion("How it was made: the tags of the file", open=False):
                self.tags = gr.HTML(elem_id="tags")
            with gr.Accordion("What the network was trained on: its model card", open=False):
                self.card = gr.Markdown(elem_id="card")

    def hidden(self) -> dict[Any, Any]:
        """Return the updates that take a result away."""
        return {self.shown: gr.update(visible=False), self.empty: gr.update(visible=True)}

    def filled(self, shown: Shown, choice: Choice) -> dict[Any, Any]:
        """Return the updates that show a result."""
        return {
            self.empty: gr.update(visible=False),
            self.shown: gr.update(visible=True),
            self.heading: shown.heading,
            self.viewer: shown.viewer,
            self.place: gr.update(visible=not shown.viewer["whole"]),
            self.across: 50,
            self.down: 50,
            self.downloads: shown.downloads,
            self.notes: shown.notes,
            self.chart: shown.chart,
            self.tags: shown.tags,
            self.card: choice.card,
        }

    @property
    def all(self) -> list[Any]:
        """All components that updates may change."""
        return [
            self.empty,
            self.shown,
            self.heading,
            self.viewer,
            self.place,
            self.across,
            self.down,
            self.downloads,
            self.notes,
            self.chart,
            self.tags,
            self.card,
        ]


def _slider(label: str, name: str) -> gr.Slider:
    return gr.Slider(0, 100, 50, step=1, label=f"{label} (%)", elem_id=name, buttons=[])
