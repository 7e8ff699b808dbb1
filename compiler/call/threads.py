"""Calls of parallel code from several Python threads.

Numba's own pool of threads, the `workqueue` layer, ends the process when two threads use it at once. It is
what Numba takes where neither TBB nor OpenMP is installed, and which layer it has taken shows after the first
parallel loop only.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

SAFE = ("omp", "tbb")
_BUSY = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A thread of the parent may have held the lock when this process was forked; it does not exist here.
    os.register_at_fork(after_in_child=lambda: globals().__setitem__("_BUSY", threading.RLock()))


def one_by_one(run: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called by one Python thread at a time where Numba's threads need that."""

    def call(*args: Any) -> Any:
        if _safe():
            return run(*args)
        with _BUSY:
            return run(*args)

    return call


def _safe() -> bool:
    import numba

    try:
        return numba.threading_layer() in SAFE
    except ValueError:  # no parallel loop has run yet
        return False
