"""The page in Gradio: its parts, and what its controls do."""

import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import gradio as gr

from sen2naip_sr.serving.engine import Cancelled
from sen2naip_sr.serving.page.examples import EXAMPLES
from sen2naip_sr.serving.page.fields import QUIET, OptionFields, SceneFields
from sen2naip_sr.serving.page.form import Form
from sen2naip_sr.serving.page.networks import Choice
from sen2naip_sr.serving.page.remedies import as_html, in_plain_words
from sen2naip_sr.serving.page.results import Results
from sen2naip_sr.serving.page.runs import Runs
from sen2naip_sr.serving.page.shelf import Shelf
from sen2naip_sr.serving.progress import Progress
from sen2naip_sr.serving.settings import ServeSettings

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
_LEAD = (
    "<h1>Twice the resolution</h1>"
    "<p>Give a picture from above with the bands red, green, blue and near-infrared. You get it "
    "back with half the pixel size, for the same ground. Files stay on this server, and are "
    "removed {after}.</p>"
)
_STATUS = """
element.setAttribute('role', 'status');
let before = '';
watch('value', () => requestAnimationFrame(() => {
  const kind = element.querySelector('.status')?.className ?? '';
  if (kind !== before && !kind.includes('done')) element.scrollIntoView({block: 'nearest'});
  before = kind;
}));
"""
"""Progress and faults come into sight as they begin: the button may be at the window's end."""
_TEAL, _DARK_TEAL = "#0f766e", "#115e59"


def theme() -> gr.themes.Base:
    """Return colours and fonts: the reader's own fonts, and contrasts of at least 4.5."""
    both: dict[str, str] = {
        "button_primary_background_fill": _TEAL,
        "button_primary_background_fill_hover": _DARK_TEAL,
        "button_primary_text_color": "white",
    }
    return gr.themes.Default(
        primary_hue="teal",
        neutral_hue="slate",
        font=_FONTS,
        font_mono=("ui-monospace", "monospace"),
    ).set(
        **both,
        **{f"{name}_dark": colour for name, colour in both.items()},
        color_accent=_TEAL,
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
    )


def build(
    runs: Runs, shelf: Shelf, networks: Sequence[Choice], settings: ServeSettings
) -> gr.Blocks:
    """Return the page.

    Args:
        runs: What is done when the button is pressed.
        shelf: The page's files.
        networks: The networks to choose from.
        settings: The server's settings.
    """
    with gr.Blocks(title="Twice the resolution", analytics_enabled=False) as page:
        gr.HTML(_LEAD.format(after=_after(shelf.expiry)), elem_id="lead")
        with gr.Row(elem_id="columns"):
            with gr.Column(scale=5, min_width=320, elem_id="form"):
                scene = SceneFields(settings)
                options = OptionFields(networks, settings.model)
                go = gr.Button("Upscale", variant="primary", size="lg", elem_id="go")
                stop = gr.Button("Stop", size="lg", visible=False, elem_id="stop")
                status = gr.HTML("", elem_id="status", js_on_load=_STATUS)
            with gr.Column(scale=8, min_width=320, elem_id="result"):
                results = Results()
        acts = _Acts(runs, shelf, networks, settings, status, stop, results)
        go.click(
            acts.upscale,
            [scene.upload, *options.all],
            [status, stop, *results.all],
            concurrency_limit=None,
            **QUIET,
        )
        stop.click(acts.stop, None, None, concurrency_limit=None, **QUIET)
        scene.examples.click(acts.take_example, None, scene.upload, **QUIET)
        for slider in (results.across, results.down):
            slider.input(
                acts.look_at,
                [results.across, results.down],
                [status, results.viewer],
                trigger_mode="always_last",
                **QUIET,
            )
        page.unload(acts.leave)
    return page.queue(max_size=None, default_concurrency_limit=4)


class _Acts:
    """What the page's controls do."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of the page
        self,
        runs: Runs,
        shelf: Shelf,
        networks: Sequence[Choice],
        settings: ServeSettings,
        status: gr.HTML,
        stop: gr.Button,
        results: Results,
    ) -> None:
        self._runs = runs
        self._shelf = shelf
        self._networks = {choice.entry.model: choice for choice in networks}
        self._spool = settings.spool
        self._status = status
        self._stop = stop
        self._results = results

    async def upscale(
        self, request: gr.Request, upload: str | None, *fields: Any
    ) -> AsyncIterator[dict[Any, Any]]:
        """Upscale the scene, and show progress, result or what went wrong."""
        visitor = str(request.session_hash)
        form = Form(*fields)
        yield {self._status: _working("Checking the scene"), self._stop: gr.update(visible=True)}
        ended: dict[Any, Any] = {self._stop: gr.update(visible=False)}
        try:
            async for found in self._runs.upscale(visitor, upload, form):
                if isinstance(found, Progress):
                    yield {self._status: _progress(found)}
                else:
                    done = {self._status: _done(found.seconds)}
                    yield ended | done | self._results.filled(found, self._networks[form.model])
        except Cancelled:
            yield ended | {self._status: _stopped()}
        except Exception as error:
            yield ended | self._results.hidden() | {self._status: self._failed(error)}

    def stop(self, request: gr.Request) -> None:
        """End the visitor's run."""
        self._runs.stop(str(request.session_hash))

    def leave(self, request: gr.Request) -> None:
        """End the run of a visitor who is gone, and remove the files soon."""
        self._runs.leave(str(request.session_hash))

    def take_example(self, event: gr.EventData) -> str:
        """Make an example, and return its path as if it had been uploaded."""
        wanted = event._data.get("example") if isinstance(event._data, dict) else None
        example = next((each for each in EXAMPLES if each.name == wanted), EXAMPLES[0])
        return str(example.write(self._shelf.new_upload()))

    def look_at(self, across: float, down: float, request: gr.Request) -> dict[Any, Any]:
        """Show another part of the result."""
        try:
            value = self._runs.look_at(str(request.session_hash), across / 100, down / 100)
        except Exception as error:
            return {self._status: self._failed(error)}
        return {} if value is None else {self._results.viewer: value}

    def _failed(self, error: Exception) -> str:
        return as_html(*in_plain_words(error, self._spool))


def _after(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"after {minutes} minutes" if minutes > 1 else "after a minute"


def _working(text: str, share: float | None = None) -> str:
    value = "" if share is None else f' value="{share:.3f}"'
    return (
        f'<div class="status working"><p>{text}</p>'
        f'<progress max="1"{value} aria-label="Progress"></progress></div>'
    )


def _progress(progress: Progress) -> str:
    if not progress.total:
        return _working("Waiting for its turn, then estimating noise and blur")
    left = progress.seconds_left
    time = "" if left is None else f", about {max(1, round(left))} s left"
    text = f"Tile {progress.done:,} of {progress.total:,}{time}"
    return _working(text, progress.done / progress.total)


def _done(seconds: float) -> str:
    return f'<div class="status done"><p>Done in {seconds:.1f} s.</p></div>'


def _stopped() -> str:
    return '<div class="status done"><p>Stopped. Nothing was kept.</p></div>'
