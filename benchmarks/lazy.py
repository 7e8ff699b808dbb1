"""Rival libraries, imported when they are first used: the cases name them and do not need them."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


class Lazy:
    """A module that is imported at the first access to one of its attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value


def installed(name: str) -> bool:
    """Whether a library can be imported."""
    return importlib.util.find_spec(name) is not None


jax = Lazy("jax")
jnp = Lazy("jax.numpy")
lax = Lazy("jax.lax")
jsp = Lazy("jax.scipy")
torch = Lazy("torch")
anp = Lazy("autograd.numpy")
