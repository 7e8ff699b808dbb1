"""Generated text → file → module.

The file is what runs: tracebacks, debuggers and Numba's disk cache need a real one.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from ..errors import InternalError


def write_source(text: str, directory: Path, name: str = "fn", salt: str = "") -> Path:
    """Write a text under the name of its content, and of `salt`, unless it is there.

    The file appears at once and whole, for processes that share the directory; only its owner may read it.
    """
    digest = hashlib.sha256((text + salt).encode()).hexdigest()[:16]
    safe = re.sub(r"\W", "_", name, flags=re.ASCII)[:60]
    path = Path(directory) / f"pullback_{safe}_{digest}.py"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".pullback_", suffix=".tmp")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(draft, path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path


def load(path: Path, jit: bool = True) -> ModuleType:
    """Run a generated file as a module of its own name; Python keeps its bytecode beside it.

    Parameters
    ----------
    path
        What `write_source` gave.
    jit
        False runs the same file with decorators that do nothing, for debuggers.
    """
    name = path.stem if jit else f"{path.stem}_plain"
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InternalError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    if jit:
        _no_advice(path)
    importing = _importing(_compiling() if jit else _PLAIN_NUMBA)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
    sys.modules[name] = module  # Numba looks up the module of a function that it reads from its cache
    try:
        exec(spec.loader.get_code(name), module.__dict__)  # type: ignore[attr-defined]
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _no_advice(path: Path) -> None:
    """Numba's advice on the performance of a generated file is not for its user."""
    from numba import NumbaPerformanceWarning

    where = re.escape(str(path.with_suffix("")))
    warnings.filterwarnings("ignore", category=NumbaPerformanceWarning, module=where)


def _identity(**_: object) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda function: function


_PLAIN_NUMBA = SimpleNamespace(njit=_identity, prange=range)


def _compiling() -> Any:
    from numba import prange

    from .numba_pipeline import njit

    return SimpleNamespace(njit=njit, prange=prange)


def _importing(numba: Any) -> Callable[..., Any]:
    """What `import` does in a generated file: `from numba import njit, prange` takes them from `numba`."""

    def find(name: str, *more: Any, **named: Any) -> Any:
        return numba if name == "numba" else builtins.__import__(name, *more, **named)

    return find
