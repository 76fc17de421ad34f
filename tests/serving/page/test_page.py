"""The page in a browser: upload, wait, compare, download; errors; keyboard; phones; the login."""

import json

import numpy as np
import pytest
import rasterio
from page_visits import Visit, chromium, serving
from served import TOKEN, by_command

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def address(tmp_path_factory, browser):
    spool = tmp_path_factory.mktemp("spool")
    with serving(spool, max_bytes=1_000_000, max_pixels=70_000) as address:
        yield address
    # nothing of the visitors stays
    assert not (spool / "page").exists()


@pytest.fixture
def visit(browser, address):
    visits = []

    def begin(**options):
        visits.append(Visit(browser, address, **options))
        return visits[-1]

    yield begin
    for made in visits:
        made.context.close()


def test_a_scene_is_uploaded_upscaled_compared_and_downloaded(visit, make_geotiff, tmp_path):
    scene = make_geotiff(tmp_path / "my scene.tif", size=48)
    visit = visit(viewport={"width": 1280, "height": 900}).open()
    page = visit.page
    assert visit.grave_faults() == []
    visit.upload(scene)
    page.check("#uncertainty input")
    assert "Done" in visit.run()
    assert page.evaluate("document.activeElement.textContent") == "The result"
    assert "Do not believe objects smaller than one pixel" in page.inner_text("#notes")

    cut = page.locator(".viewer .cut")
    clip = "getComputedStyle(document.querySelector('.viewer .over')).clipPath"
    before = page.evaluate(clip)
    cut.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert cut.input_value() == "60"
    assert page.evaluate(clip) != before
    assert "60 %" in cut.get_attribute("aria-valuetext")

    # one to one: a pixel of the result is a pixel of the page
    sizes = "[...document.querySelectorAll('.layer img')].map(i => [i.width, i.naturalWidth])"
    assert page.evaluate(sizes) == [[96, 96], [96, 48]]
    page.click("button[aria-label='Zoom in']")
    assert page.evaluate(sizes) == [[192, 96], [192, 48]]

    for view, left, right in [
        ("Near-infrared", "Scene", "Result"),
        ("Interval", "Result", "Interval"),
        ("True colour", "Scene", "Result"),
    ]:
        page.get_by_label(view, exact=True).check()
        assert page.inner_text(".tag.left") == left
        assert page.inner_text(".tag.right") == right
        page.wait_for_function(
            "[...document.querySelectorAll('.layer img')].every(i => i.complete && i.naturalWidth)"
        )
    assert visit.grave_faults() == []

    downloads = {}
    for link in page.locator("#downloads a").all():
        with page.expect_download() as waiting:
            link.click()
        downloads[waiting.value.suggested_filename] = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(downloads[waiting.value.suggested_filename])
    (tmp_path / "command").mkdir()
    job = by_command(
        scene.read_bytes(), scene.stat().st_mtime_ns, tmp_path / "command", uncertainty=True
    )
    for name, expected in [
        ("my_scene_x2.tif", job.target),
        ("my_scene_x2_interval.tif", job.interval),
    ]:
        with rasterio.open(downloads[name]) as one, rasterio.open(expected) as other:
            np.testing.assert_array_equal(one.read(), other.read())
            assert (one.transform, one.crs) == (other.transform, other.crs)
    assert json.loads(downloads["tags.json"].read_text())["model"] == "lean"
    assert downloads["differences.csv"].read_text().startswith("difference,red,")
    assert downloads["differences.svg"].read_text().startswith("<svg")

    assert visit.elsewhere == []
    assert visit.faults == []


def test_errors_are_shown_with_what_to_do(visit, make_geotiff, tmp_path):
    visit = visit(color_scheme="dark").open()
    said = visit.run()
    assert "There is no scene yet" in said
    assert "take an example" in said
    (tmp_path / "notes.tif").write_text("no raster")
    for path, problem, remedy in [
        (tmp_path / "notes.tif", "notes.tif: is none of GeoTIFF", "Convert it to a GeoTIFF"),
        (make_geotiff(tmp_path / "rgb.tif", bands=3), "3 bands", "near-infrared"),
        (make_geotiff(tmp_path / "big.tif", size=270), "72,900 pixels", "Cut it into parts"),
    ]:
        visit.upload(path)
        said = visit.run()
        assert problem in said
        assert remedy in said
        assert str(tmp_path) not in said
        assert "/page/" not in said
    # screen readers are told
    assert visit.page.locator("#status [role=status] .failed").count() == 1
    assert visit.grave_faults() == []
    assert visit.faults == []

    (tmp_path / "large.tif").write_bytes(bytes(1_100_000))
    visit.open().page.set_input_files("#upload input[type=file]", str(tmp_path / "large.tif"))
    visit.page.wait_for_selector("text=/exceeds? the maximum|too large/i")
    assert "There is no scene yet" in visit.run()


def test_the_keyboard_is_enough(visit, monkeypatch):
    monkeypatch.setattr("sen2naip_sr.serving.page.presentation.PART", 128)
    visit = visit().open()
    page = visit.page

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"document.activeElement.matches({selector!r})"):
                return
        raise AssertionError(f"{selector} cannot be reached")

    tab_to("#examples button")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=294")
    tab_to("#model input")
    tab_to("#uncertainty input")
    page.keyboard.press("Space")
    assert page.is_checked("#uncertainty input")
    tab_to("#go")
    page.keyboard.press("Enter")
    assert "Done" in visit.outcome()
    tab_to(".views input")
    page.keyboard.press("ArrowRight")
    assert page.is_checked(".views input[value='false']")
    tab_to(".stage")
    for _ in range(3):
        page.keyboard.press("+")
    assert page.inner_text(".zoom") == "400 %"
    moved = "document.querySelector('.layer img').style.transform"
    before = page.evaluate(moved)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(moved) != before
    tab_to(".cut")
    page.keyboard.press("End")
    assert page.input_value(".cut") == "100"
    tab_to("#across input[type=range]")
    before = page.get_attribute(".under img", "src")
    page.keyboard.press("Home")
    page.wait_for_function(f"document.querySelector('.under img').src.search({before!r}) < 0")
    assert "-0-" in page.get_attribute(".under img", "src")
    tab_to("#downloads a")


def test_it_works_on_a_phone(visit):
    visit = visit(**PHONE).open()
    page = visit.page
    assert visit.overflow == 0
    page.tap("#examples button >> nth=2")
    page.wait_for_selector("#upload a[download]")
    page.tap("#go")
    assert "Done" in visit.outcome()
    for title in ("Compare the networks", "What the network changed", "How it was made"):
        page.tap(f"button:has-text('{title}')")
    page.wait_for_selector("#chart svg")
    assert visit.overflow == 0
    assert visit.grave_faults() == []
    assert page.locator(".stage").bounding_box()["width"] > 350
    assert visit.elsewhere == []
    assert visit.faults == []


def test_the_page_and_its_own_requests_are_behind_the_login(visit):
    visit = visit(logged_in=False)
    page, address = visit.page, visit.address
    page.goto(f"{address}/page/")
    assert page.url.endswith("/login")
    assert visit.grave_faults() == []
    page.fill("input[type=password]", TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector("#go")
    page.click("#examples button >> nth=0")
    page.wait_for_selector("#upload a[download]")
    example = page.get_attribute("#upload a[download]", "href")
    ask = visit.context.request
    assert ask.get(example).ok
    visit.context.clear_cookies()
    for path in (
        "", "config", "theme.css", "files/ticket/name", "gradio_api/info", "gradio_api/upload",
        "gradio_api/queue/data?session_hash=a", "gradio_api/queue/join", "gradio_api/heartbeat/a",
        "gradio_api/file=/etc/passwd", example.partition("/page/")[2],
    ):  # fmt: skip
        for method in ("GET", "POST"):
            answer = ask.fetch(f"{address}/page/{path}", method=method, max_redirects=0)
            assert answer.status == 401, path
