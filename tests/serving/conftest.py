"""One server in the tests' process, and scenes for it."""

import pytest


@pytest.fixture(scope="session")
def spool(tmp_path_factory):
    return tmp_path_factory.mktemp("spool")


@pytest.fixture(scope="session")
def client(spool):
    """Talk to a running server without a token, whose model is the quickest."""
    from served import running

    with running(spool, max_pixels_at_once=10_000, max_bytes=1_000_000, max_bands=8) as talking:
        yield talking


@pytest.fixture(scope="session")
def scene(tmp_path_factory, make_geotiff):
    """Return the path of a small scene."""
    return make_geotiff(tmp_path_factory.mktemp("scene") / "scene.tif", size=32)
