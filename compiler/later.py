"""SciPy's functions, imported when one is first called.

SciPy takes as long to import as NumPy and all of the tape together, and few programs call its functions.

>>> from pullback.compiler.later import special
>>> float(special.erf(0.0))
0.0
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


class Later:
    """The functions of a module that is imported when one of them is first called."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        found: Any = None

        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal found
            if found is None:
                found = getattr(importlib.import_module(self._module), name)
                setattr(self, name, found)
            return found(*args, **kwargs)

        call.__name__ = call.__qualname__ = name
        return call


special = Later("scipy.special")
linalg = Later("scipy.linalg")
distance = Later("scipy.spatial.distance")
