"""The page for people, made with Gradio."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sen2naip_sr.serving.engine import Engine
    from sen2naip_sr.serving.settings import ServeSettings


def mount(app: "FastAPI", engine: "Engine", settings: "ServeSettings") -> None:
    """Add the page to the application: at ``/page``, where ``/`` leads to.

    Args:
        app: The application, with all routes of the API.
        engine: What upscales; shared with the API.
        settings: The server's settings.
    """
    # Gradio takes seconds to import
    from sen2naip_sr.serving.page.mounting import mount_page

    mount_page(app, engine, settings)
