"""What a user sees of a long compilation: one line on a terminal, erased at the end; elsewhere a log record.

    pullback: compiling energy for (f8[:], f8) … 12 s

A thread shows it, since Numba does not come back before it is done. Compiling a small function leaves some
ten thousand objects in cycles, which Python finds once it is done: looking for them meanwhile would cost a
tenth of the time.
"""

from __future__ import annotations

import gc
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TextIO

import numpy as np

from ..specs import ArraySpec
from .arguments import LeafSpec

DELAY, STEP = 2.0, 0.5
MAX_TYPES = 6
_LINE = threading.Lock()  # the terminal's last line belongs to one compilation


def signature(leaves: Sequence[LeafSpec]) -> str:
    """(f8[:], f8)."""
    shown = []
    for leaf in leaves[:MAX_TYPES]:
        spec, name = leaf.spec, np.dtype(leaf.spec.dtype).str[1:]
        shown.append(f"{name}[{', '.join(':' * spec.rank)}]" if isinstance(spec, ArraySpec) else name)
    return f"({', '.join([*shown, *['…'] * (len(leaves) > MAX_TYPES)])})"


class Progress:
    """A context in which something is compiled.

    Parameters
    ----------
    what
        "f for (f8[:], f8)".
    busy
        Whether it still is compiled: what follows in the context is the user's own program.
    clock, wait
        The time; and waiting for the end of the context, which gives whether it came: for tests.
    """

    def __init__(
        self,
        what: str,
        busy: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        self._what, self._busy, self._clock = what, busy, clock
        self._over = threading.Event()
        self._wait = wait or self._over.wait
        self._thread = threading.Thread(target=self.watch, name="pullback-progress", daemon=True)
        self._start = clock()
        self._paused = False

    def __enter__(self) -> Progress:
        if gc.isenabled():
            self._paused = True
            gc.disable()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._resume()

    def _resume(self) -> None:
        """Python looks for cycles again, once nothing is compiled."""
        if self._paused:
            self._paused = False
            gc.enable()

    def watch(self) -> None:
        """Wait, and show what takes long until it is over."""
        try:
            self._watch()
        finally:
            self._resume()

    def _watch(self) -> None:
        if self._wait(DELAY) or not self._busy():
            return
        stream = sys.stderr
        if stream is None or not stream.isatty():
            self._log()
        elif _LINE.acquire(blocking=False):
            try:
                self._show(stream)
            finally:
                _LINE.release()

    def _show(self, stream: TextIO) -> None:
        width = 0
        over = False
        while not over and self._busy():
            seconds = f" … {self._clock() - self._start:.0f} s"
            room = max(shutil.get_terminal_size().columns - 1 - len(seconds), 0)
            line = f"pullback: compiling {self._what}"[:room] + seconds
            line = line.encode(stream.encoding or "ascii", "replace").decode(stream.encoding or "ascii")
            stream.write("\r" + line.ljust(width))
            stream.flush()
            width = len(line)
            over = self._wait(STEP)
        stream.write("\r" + " " * width + "\r")
        stream.flush()

    def _log(self) -> None:
        import logging  # which takes longer to import than a derivative from the disk

        logger = logging.getLogger("pullback")
        logger.info("compiling %s", self._what)
        over = False
        while not over and self._busy():
            over = self._wait(STEP)
        logger.info("compiled %s in %.0f s", self._what, self._clock() - self._start)
