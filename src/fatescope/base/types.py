"""Aliases for the arrays that travel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.integer[Any]]
FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
LabelImage = NDArray[np.integer[Any]]

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is, and what is going on; what it raises ends the
work, and the same call continues it later."""
