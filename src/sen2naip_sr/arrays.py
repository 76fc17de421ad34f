"""The type of NumPy arrays in annotations."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
"""A NumPy array of any shape and dtype; docstrings say which."""
