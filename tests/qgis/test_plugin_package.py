"""The plugin as a package: its zip, its licence, what it imports, which Python it needs."""

import ast
import configparser
import hashlib
import zipfile
from pathlib import Path

import plugin_zip
import pytest

from sen2naip_sr.version import __version__

MODULES = sorted(plugin_zip.PLUGIN.rglob("*.py"))
STANDARD = {
    "ast", "collections", "contextlib", "dataclasses", "functools", "http", "json", "math", "os",
    "pathlib", "platform", "queue", "re", "shlex", "shutil", "signal", "subprocess", "sys",
    "tempfile", "threading", "time", "typing", "urllib", "__future__",
}  # fmt: skip
QGIS = {"qgis", "processing"}


def test_the_zip_is_the_same_wherever_and_whenever_it_is_built(tmp_path):
    first = plugin_zip.build(tmp_path / "a" / "plugin.zip")
    MODULES[0].touch()
    second = plugin_zip.build(tmp_path / "b.zip")
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)}
    assert len(digests) == 1


def test_the_zip_holds_what_qgis_wants_and_nothing_else(tmp_path):
    with zipfile.ZipFile(plugin_zip.build(tmp_path / "plugin.zip")) as archive:
        held = archive.namelist()
        licence = archive.read("sen2naip_sr_qgis/LICENSE").decode()
    assert all(name.startswith("sen2naip_sr_qgis/") for name in held)
    for name in ("__init__.py", "metadata.txt", "LICENSE", "icons/double.svg"):
        assert f"sen2naip_sr_qgis/{name}" in held
    assert not [name for name in held if "__pycache__" in name]
    assert "GNU GENERAL PUBLIC LICENSE" in licence


def test_metadata_are_those_of_the_project():
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(plugin_zip.PLUGIN / "metadata.txt")
    general = metadata["general"]
    assert general["version"] == __version__
    assert general["hasProcessingProvider"] == "yes"
    assert (plugin_zip.PLUGIN / general["icon"]).is_file()
    assert general["license"] == "GPL-2.0-or-later"


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(plugin_zip.PLUGIN).as_posix()
)
def test_modules_import_only_qgis_and_the_standard_library(path):
    """Nothing of the package, of other libraries, of one Qt; and Python 3.9 reads it."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module or "")
    for module in imported:
        assert module.partition(".")[0] in STANDARD | QGIS | {"sen2naip_sr_qgis"}, module
    if "core" in path.parts:
        assert not {name for name in imported if name.partition(".")[0] in QGIS}


@pytest.mark.parametrize(
    "path", MODULES, ids=lambda path: path.relative_to(plugin_zip.PLUGIN).as_posix()
)
def test_members_of_qt_and_qgis_enums_are_named_with_their_enum(path):
    """Qt 6 knows only ``Qt.ItemDataRole.ToolTipRole``, not ``Qt.ToolTipRole``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = node.value.id
            if owner in ("Qt", "Qgis") or owner.startswith(("Qgs", "Q")):
                plain = node.attr[0].islower() or node.attr in ENUMS
                assert plain, f"{owner}.{node.attr}"
                assert not node.attr.endswith("exec_")


ENUMS = {
    "Behavior", "ContrastEnhancementAlgorithm", "Flag", "ItemDataRole", "MessageLevel",
    "ProcessingParameterFlag", "StyleCategory", "Type", "WidgetType",
}  # fmt: skip
"""Names of enums that the plugin uses members of."""


def test_all_icons_are_pictures_without_references():
    for icon in Path(plugin_zip.PLUGIN, "icons").iterdir():
        text = icon.read_text()
        assert text.startswith("<svg")
        assert "href" not in text
