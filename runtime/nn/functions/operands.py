"""Operands of functions, for the type checker: the operators of Tensors are put on the class later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...tensor import tensor as tensors

tensor_of: Callable[[Any], Any] = tensors.tensor_of
