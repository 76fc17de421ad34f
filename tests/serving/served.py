"""What tests of serving share. Importing it skips a test file where the extra is missing."""

import importlib.util

import pytest

from sen2naip_sr.serving.start import NEEDED

MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip(f"serving needs {', '.join(MISSING)}", allow_module_level=True)

ADDRESS = "http://127.0.0.1"
TIFF = {"Content-Type": "image/tiff"}
