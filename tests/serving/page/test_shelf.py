"""The page's files, until they expire."""

import os
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sen2naip_sr.serving.page.shelf import Shelf


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "page", "/page/files", expiry=100)


def test_a_file_is_found_by_its_address_only(shelf, tmp_path):
    drawer = shelf.new()
    address = drawer.put("a.txt", "content")
    ticket, name = address.removeprefix("/page/files/").split("/")
    assert shelf.find(ticket, name).read_text() == "content"
    assert shelf.find(ticket, "b.txt") is None
    assert shelf.find(shelf.new().ticket, name) is None
    (drawer.hidden() / "scene.tif").write_text("")
    assert shelf.find(ticket, "hidden") is None


@pytest.mark.parametrize(
    "name", ["../a.txt", "..", ".", "", "hidden/scene.tif", ".a", "/etc/passwd"]
)
def test_names_do_not_lead_elsewhere(shelf, name):
    drawer = shelf.new()
    drawer.put("a.txt", "")
    (drawer.hidden() / "scene.tif").write_text("")
    assert shelf.find(drawer.ticket, name) is None
    assert shelf.find(f"{drawer.ticket}/hidden", "scene.tif") is None
    assert shelf.find("..", "a.txt") is None


def test_links_are_not_followed(shelf, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("")
    drawer = shelf.new()
    (drawer.folder / "link").symlink_to(secret)
    assert shelf.find(drawer.ticket, "link") is None


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_is_answered(tmp_path_factory, ticket, name):
    assert Shelf(tmp_path_factory.mktemp("s") / "page", "", 1).find(ticket, name) is None


def test_what_is_old_is_removed_and_what_is_new_stays(shelf):
    old, new = shelf.new(), shelf.new()
    upload = shelf.new_upload()
    then = time.time() - 101
    for folder in (old.folder, upload):
        os.utime(folder, (then, then))
    (upload.parent / "made by Gradio").touch()
    shelf.sweep()
    assert list(upload.parent.iterdir()) == []
    assert not old.folder.exists()
    assert not upload.exists()
    assert new.folder.exists()


def test_files_of_a_visitor_who_is_gone_expire_sooner(tmp_path):
    shelf = Shelf(tmp_path / "page", "", expiry=3600)
    drawer, upload = shelf.new(), shelf.new_upload()
    shelf.expire_soon(drawer.folder)
    shelf.expire_soon(upload)
    shelf.expire_soon(tmp_path)
    shelf.sweep()
    assert drawer.folder.exists()
    for folder in (drawer.folder, upload):
        assert time.time() - folder.stat().st_mtime == pytest.approx(3300, abs=10)
    assert time.time() - tmp_path.stat().st_mtime < 100


def test_an_earlier_server_s_files_are_removed(shelf, tmp_path):
    drawer = shelf.new()
    Shelf(tmp_path / "page", "", 1)
    assert not drawer.folder.exists()
