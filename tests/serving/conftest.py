"""One server in the tests' process, and scenes for it."""

import pytest


@pytest.fixture(scope="session")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="session")
def client(spool):
    """Talk to a running server without a token, whose model is the quickest."""
    from fastapi.testclient import TestClient
    from served import ADDRESS

    from sen2naip_sr.serving.app import create_app
    from sen2naip_sr.serving.settings import ServeSettings

    settings = ServeSettings(spool=spool, model="lean", max_pixels_at_once=10_000)
    with TestClient(create_app(settings), base_url=ADDRESS) as talking:
        yield talking


@pytest.fixture(scope="session")
def scene(tmp_path_factory, make_geotiff):
    """Return the path of a small scene."""
    return make_geotiff(tmp_path_factory.mktemp("scene") / "scene.tif", size=32)
