"""The page's runs, without a browser."""

import asyncio
import shutil

import pytest

FORM = {
    "model": "lean", "value_range": "Automatic", "low": None, "high": None, "consistency": False,
    "uncertainty": False, "ensemble": False, "bands": "", "nodata": "",
}  # fmt: skip


@pytest.fixture(scope="session")
def engine(tmp_path_factory):
    """Return an engine whose model is the quickest."""
    from sen2naip_sr.serving.engine import Engine
    from sen2naip_sr.serving.settings import ServeSettings

    engine = Engine(ServeSettings(spool=tmp_path_factory.mktemp("engine"), model="lean"))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def networks():
    from sen2naip_sr.serving.page.networks import choices

    return choices()


class Page:
    """The runs of a page and its shelf, whose server has some settings."""

    def __init__(self, engine, networks, settings):
        from sen2naip_sr.serving.page.runs import Runs
        from sen2naip_sr.serving.page.shelf import Shelf
        from sen2naip_sr.serving.places import Places

        self.shelf = Shelf(settings.spool / "page", "/page/files", 100)
        places = Places(settings.max_waiting)
        self.runs = Runs(engine, settings, places, self.shelf, networks)

    def begin(self, scene, visitor="v", **fields):
        """Return the run of a scene by a form with these fields, to be iterated over."""
        from sen2naip_sr.serving.page.form import Form

        if scene and scene.exists():
            # as Gradio does with an upload
            scene = shutil.copy2(scene, self.shelf.new_upload())
        return self.runs.upscale(visitor, scene and str(scene), Form(**FORM | fields))

    def upscale(self, scene, **fields):
        """Run a scene to its end, and return what is shown at last."""

        async def every():
            return [found async for found in self.begin(scene, **fields)]

        return asyncio.run(every())[-1]


@pytest.fixture
def make_page(engine, networks, tmp_path, monkeypatch):
    """Make a page without a browser, by its server's settings."""
    from sen2naip_sr.serving.settings import ServeSettings

    monkeypatch.setattr("sen2naip_sr.serving.page.runs._SECONDS", 0.01)
    spool = tmp_path / "spool"

    def make(**settings):
        return Page(engine, networks, ServeSettings(spool=spool, model="lean", **settings))

    return make
