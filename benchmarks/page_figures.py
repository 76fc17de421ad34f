"""Take the pictures of the page for docs/page.md: `python benchmarks/page_figures.py`.

Starts a server of its own. It needs the packages `playwright` and `pillow`, and Chromium.
"""

import io
import shutil
import tempfile
import threading
import time
from pathlib import Path

import uvicorn
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from sen2naip_sr.serving.app import create_app
from sen2naip_sr.serving.run import listen
from sen2naip_sr.serving.settings import ServeSettings

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DESK = {"viewport": {"width": 1240, "height": 960}}
PHONE = {
    "viewport": {"width": 390, "height": 780},
    "device_scale_factor": 1.5,
    "is_mobile": True,
    "has_touch": True,
}


def main() -> None:
    """Start a server, visit its page and take the pictures."""
    with tempfile.TemporaryDirectory() as spool, listen("127.0.0.1", 0) as listening:
        app = create_app(ServeSettings(spool=Path(spool)))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.1)
        try:
            visit(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        finally:
            server.should_exit = True
            thread.join()


def visit(address: str) -> None:
    """Take the pictures of the page at an address."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_context(**DESK, reduced_motion="reduce").new_page()
        upscale(page, address, example=0, model="best")
        take(page, "page-result")
        page.get_by_label("Interval", exact=True).check()
        page.wait_for_timeout(300)
        keep(page.locator("#viewer").screenshot(), "page-interval")
        page.click("button:has-text('What the network changed')")
        page.wait_for_timeout(600)
        keep(page.locator("#chart").screenshot(), "page-differences", colours=64)
        phone = browser.new_context(**PHONE, reduced_motion="reduce").new_page()
        phone.goto(address)
        phone.wait_for_selector("#go")
        phone.wait_for_timeout(500)
        start = phone.screenshot()
        upscale(phone, address, example=2, model="default")
        phone.get_by_label("Near-infrared", exact=True).check()
        phone.wait_for_timeout(300)
        beside(start, phone.screenshot(), "page-phone")
        browser.close()


def upscale(page: Page, address: str, example: int, model: str) -> None:
    """Upscale an example, with intervals."""
    page.goto(address)
    page.click(f"#examples button >> nth={example}")
    page.wait_for_selector("#upload a[download]")
    page.check(f"#model input[value={model}]")
    page.check("#uncertainty input")
    page.click("#go")
    page.wait_for_selector("#status .done", timeout=120_000)
    page.wait_for_timeout(1500)


def take(page: Page, name: str) -> None:
    """Keep what the window shows."""
    keep(page.screenshot(), name)


def beside(left: bytes, right: bytes, name: str) -> None:
    """Keep two pictures beside each other."""
    pictures = [Image.open(io.BytesIO(content)).convert("RGB") for content in (left, right)]
    wide, high = pictures[0].size
    both = Image.new("RGB", (2 * wide + 40, high), "#8a94a3")
    for number, picture in enumerate(pictures):
        both.paste(picture, (number * (wide + 40), 0))
    stream = io.BytesIO()
    both.save(stream, "PNG")
    keep(stream.getvalue(), name)


def keep(content: bytes, name: str, colours: int = 256) -> None:
    """Write a picture as a small PNG."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    small = picture.quantize(colours, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
