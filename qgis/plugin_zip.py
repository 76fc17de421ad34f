"""Builds the zip of the plugin, always the same bytes: ``python qgis/plugin_zip.py [FILE]``."""

import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parent
PLUGIN = FOLDER / "sen2naip_sr_qgis"
TARGET = FOLDER / "dist" / f"{PLUGIN.name}.zip"
KINDS = (".py", ".svg", ".txt")
MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time that every file gets: the earliest that zips know."""


def files() -> list[Path]:
    """Return the plugin's files in a fixed order."""
    found = (path for path in PLUGIN.rglob("*") if path.suffix in KINDS or path.name == "LICENSE")
    return sorted(found, key=lambda path: path.relative_to(PLUGIN).as_posix())


def build(target: Path = TARGET) -> Path:
    """Write the zip, and return its path; its folder is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files():
            name = f"{PLUGIN.name}/{path.relative_to(PLUGIN).as_posix()}"
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            # whatever git has made of the ends of lines
            archive.writestr(entry, path.read_bytes().replace(b"\r\n", b"\n"))
    return target


if __name__ == "__main__":
    sys.stdout.write(f"{build(*map(Path, sys.argv[1:2]))}\n")
