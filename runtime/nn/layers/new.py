"""Uninitialised parameters of layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...ops import promotion
from ...tape.node import wrap
from ...tensor.dtypes import check_device, numpy_dtype
from ...tensor.tensor import Tensor


def new(shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> Tensor:
    """A tensor of a shape and of the default float, or another dtype."""
    check_device(device)
    kind = promotion.DEFAULT["float"] if dtype is None else numpy_dtype(dtype)
    made: Tensor = wrap(Tensor, np.empty(shape, kind))
    return made
