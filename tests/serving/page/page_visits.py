"""A server with the page, and a headless Chromium. Importing it skips where one is missing."""

import os
import shutil
import threading
import time
from contextlib import contextmanager

import pytest
from served import TOKEN

for needed in ("gradio", "playwright", "axe_playwright_python"):
    pytest.importorskip(needed)

GRAVE = ("serious", "critical")


@contextmanager
def serving(spool, **settings):
    """Serve in this process, and return the address. Visitors need the token."""
    import uvicorn

    from sen2naip_sr.serving.app import create_app
    from sen2naip_sr.serving.run import listen
    from sen2naip_sr.serving.settings import ServeSettings

    with listen("127.0.0.1", 0) as listening:
        app = create_app(ServeSettings(spool=spool, model="lean", token=TOKEN, **settings))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.02)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)


@contextmanager
def chromium():
    """Return a headless Chromium: Playwright's own, or the system's."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = own if os.path.exists(own) else shutil.which("chromium")
        if not found:
            pytest.skip("the page's tests need Chromium, which is not installed")
        # a sandbox cannot be made by root
        unsafe = ["--no-sandbox"] if os.geteuid() == 0 else []
        try:
            browser = playwright.chromium.launch(executable_path=found, args=unsafe)
        except Error as error:
            pytest.skip(f"Chromium does not start: {error}")
        yield browser
        browser.close()


def cookie(address):
    """Return the cookie of somebody who has logged in."""
    from sen2naip_sr.serving.guard.security import COOKIE, issue_session

    return {"name": COOKIE, "value": issue_session(TOKEN), "url": address}


class Visit:
    """A page in a browser of its own, with what it asks for and complains of.

    Attributes:
        page: The page.
        requests: The addresses of all requests.
        faults: Errors of scripts, and answers of 400 and above.
    """

    def __init__(self, browser, address, logged_in=True, **options):
        self.context = browser.new_context(**options)
        if logged_in:
            self.context.add_cookies([cookie(address)])
        self.page = self.context.new_page()
        self.address = address
        self.requests, self.faults = [], []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "response",
            lambda answer: answer.status >= 400 and self.faults.append((answer.status, answer.url)),
        )

    def open(self):
        self.page.goto(f"{self.address}/")
        self.page.wait_for_selector("#go")
        return self

    def upload(self, path):
        clear = self.page.locator("#upload button[aria-label='Clear']")
        if clear.count():
            clear.click()
        self.page.set_input_files("#upload input[type=file]", str(path))
        self.page.wait_for_selector("#upload a[download], #upload .file-preview")

    def run(self):
        """Press the button, and return what the page says at the end."""
        self.page.evaluate("document.querySelector('#status .status')?.classList.add('earlier')")
        self.page.click("#go")
        return self.outcome()

    def outcome(self):
        ended = "#status :is(.done, .failed):not(.earlier)"
        self.page.wait_for_selector(ended, timeout=20_000)
        return self.page.inner_text(ended)

    @property
    def elsewhere(self):
        """The requests to other hosts."""
        own = (self.address, "data:", f"blob:{self.address}")
        return [url for url in self.requests if not url.startswith(own)]

    def grave_faults(self):
        """Return what axe-core finds that keeps people from using the page."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return [
            (fault["id"], [node["html"][:200] for node in fault["nodes"]])
            for fault in found
            if fault["impact"] in GRAVE
        ]

    @property
    def overflow(self):
        """Pixels that the page is wider than the screen; a phone would show it smaller."""
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        return wide - self.page.viewport_size["width"]
