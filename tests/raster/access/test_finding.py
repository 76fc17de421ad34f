import os
import sqlite3

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio import open as create
from tiny_scenes import PLACE, noise

from sen2naip_sr.raster.access.finding import find_rasters


def names(folder):
    return sorted(name for _, name in find_rasters(folder))


def test_rasters_of_every_kind_are_found_below_a_folder(tmp_path):
    wanted = ["a.tif", "B.TIFF", "c.jp2", "d/e.vrt", "d/f/g.tif"]
    for name in (*wanted, "h.png", "i.txt", ".j.tif", ".hidden/k.tif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert names(tmp_path) == sorted(wanted)
    assert all(path == tmp_path / name for path, name in find_rasters(tmp_path))


def test_a_geopackage_counts_if_it_has_a_raster(tmp_path):
    size = {"count": 4, "height": 30, "width": 40, "dtype": "uint8", **PLACE}
    with create(tmp_path / "raster.gpkg", "w", driver="GPKG", **size) as target:
        target.write(noise(4, 30, 40))
    with sqlite3.connect(tmp_path / "vector.gpkg") as package:
        package.execute("CREATE TABLE gpkg_contents (table_name TEXT, data_type TEXT)")
        package.execute("INSERT INTO gpkg_contents VALUES ('a', 'features')")
    (tmp_path / "damaged.gpkg").write_bytes(b"SQLite format 3\0")
    before = sorted(os.listdir(tmp_path))
    assert names(tmp_path) == ["damaged.gpkg", "raster.gpkg"]
    assert sorted(os.listdir(tmp_path)) == before


def test_links_are_followed_and_no_folder_is_visited_twice(tmp_path):
    (tmp_path / "scenes" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("scenes/a.tif", "scenes/deep/b.tif", "elsewhere/c.tif"):
        (tmp_path / name).touch()
    scenes = tmp_path / "scenes"
    (scenes / "link").symlink_to(tmp_path / "elsewhere")
    (scenes / "again").symlink_to(tmp_path / "elsewhere")
    (scenes / "deep" / "up").symlink_to(scenes)
    (tmp_path / "elsewhere" / "back").symlink_to(scenes / "deep")
    (scenes / "broken").symlink_to("nowhere")
    assert names(scenes) == ["a.tif", "again/c.tif", "deep/b.tif"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_tangle_of_links_ends_and_finds_every_file_once(tmp_path_factory, links):
    top = tmp_path_factory.mktemp("top")
    for number in range(6):
        (top / str(number)).mkdir()
        (top / str(number) / f"{number}.tif").touch()
    for inside, target in links:
        link = top / str(inside) / f"to-{target}"
        if not link.is_symlink():
            link.symlink_to(top / str(target))
    found = [path.resolve() for path, _ in find_rasters(top)]
    assert sorted(found) == sorted(top / f"{n}/{n}.tif" for n in range(6))
    below = [path.name for path, _ in find_rasters(top / "0")]
    assert len(below) == len(set(below))
