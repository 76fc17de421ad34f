"""The names of sources are those of the files that define one."""

from importlib import import_module

import pytest

from sen2naip_sr import sources


@pytest.mark.parametrize("name", sources.SOURCES)
def test_every_name_is_a_source(name):
    assert callable(import_module(f"{sources.__name__}.{name}").make)
