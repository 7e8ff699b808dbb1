"""The peak of resident memory during a call, where the kernel tells it."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def peak_bytes(call: Callable[[], object]) -> int | None:
    """By how much a call raises the resident memory at its highest, or None off Linux.

    `tracemalloc` does not see what Numba, XLA and PyTorch allocate, and `ru_maxrss` never falls. The kernel's
    own high-water mark can be reset. Freed memory is handed back first, so that the call asks for it again.
    """
    try:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR.write_text("5")
        before = _kilobytes("VmRSS")
        call()
        return 1024 * max(0, _kilobytes("VmHWM") - before)
    except (OSError, AttributeError):
        return None


def _kilobytes(key: str) -> int:
    for line in STATUS.read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise OSError(f"no {key}")
