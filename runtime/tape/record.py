"""Making results: the array that an operation computed, and the node that remembers it.

def tril(x, k):
    return record(TrilBackward0, np.tril(x._a, k), (x,), static=k)
"""

from __future__ import annotations

import contextlib
import os
import threading
import traceback
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from .mode import mode
from .node import Node, Recorded, wrap

_new: Any = object.__new__
_ndarray, _asarray = np.ndarray, np.asarray

# "trace" is set by `detect_anomaly`: record where each operation stands. "old" counts programs that may
# overwrite what is saved, and expect NumPy's results, "keep" those and `saved_tensors_hooks`.
settings = {"trace": False, "keep": 0, "old": 0}
_LOCK = threading.Lock()
_RUNTIME = os.path.dirname(os.path.dirname(__file__)) + os.sep


def edge(value: Any) -> Any:
    """Where the cotangents of a value go, or None."""
    if not isinstance(value, Recorded):
        return None
    if value._view is not None:
        value._view.refresh(value)
    if not value._r:
        return None
    return value if value._fn is None else value._fn


def requires(value: Any) -> bool:
    """Whether a value requires a gradient: of views, after in-place writes to their memory."""
    if not isinstance(value, Recorded):
        return False
    if value._view is not None:
        value._view.refresh(value)
    return value._r


def record(
    node: type[Node],
    array: Any,
    operands: tuple[Any, ...],
    saved: tuple[Any, ...] | None = None,
    static: Any = None,
    face: Any = None,
) -> Any:
    """A result of an operation.

    Parameters
    ----------
    node
        The class of the node that remembers it.
    array
        What was computed.
    operands
        The operands that may require a gradient, in the order of what `node.backward` gives.
    saved
        What `node.backward` gets, besides the cotangent. If `node.saves_results`, the result is added.
    static
        What it needs besides that is no array.
    face
        The class of the result; that of the first operand without.

    Returns
    -------
    Recorded
    """
    if face is None:
        first = operands[0]
        face = first._face if isinstance(first, Recorded) else face_of(operands)  # type: ignore[attr-defined]
    out = _new(face)  # `wrap`, without a call
    out._a = array = array if type(array) is _ndarray else _asarray(array)
    out._fn = out._grad = out._version_of = out._view = out._more = None
    out._r = False
    if mode.enabled:
        edges, wanted = [], False
        for value in operands:  # `edge` of each, without a call
            if isinstance(value, Recorded):
                if value._view is not None:
                    value._view.refresh(value)
                if value._r:
                    edges.append(value if value._fn is None else value._fn)
                    wanted = True
                    continue
            edges.append(None)
        if wanted and array.dtype.kind in "fc":
            attach(out, node, tuple(edges), saved, static)
    return out


def attach(
    out: Any, node: type[Node], edges: tuple[Any, ...], saved: tuple[Any, ...] | None, static: Any = None
) -> None:
    """Let a node be what made the value `out`, and keep what it saves.

    Every operation comes this way: the node is set up here, not by its `__init__`, nothing is asked twice.
    """
    made = _new(node)
    made.edges = edges
    made.static = static
    made.versions = 0
    made.outputs = made.hooks = made.trace = None
    array = out._a
    made.shape = array.shape
    made.dtype = array.dtype
    out._fn = made
    out._r = True
    if node.saves_results:
        kept = (kept_result(out),)
        saved = kept if saved is None else saved + kept
    made.saved = saved
    if saved is not None:
        if settings["keep"]:
            saved = keep_special(made)
        for value in saved:
            if isinstance(value, Recorded) and value._version_of is not None and value._version_of.n:
                note_versions(made)
                break
    if settings["trace"]:
        made.trace = _place()


def note_versions(made: Node) -> None:
    """Remember the versions of what a node saves, where not all are 0."""
    made.versions = tuple([v._version if isinstance(v, Recorded) else 0 for v in made.saved])


def keep(made: Node, saved: tuple[Any, ...] | None) -> None:
    """Save values, with the versions of their memory."""
    made.saved = saved
    if settings["trace"]:
        made.trace = _place()
    if saved is not None:
        if settings["keep"] and not keep_special(made):
            return
        note_versions(made)
        if not any(made.versions):
            made.versions = 0


@contextlib.contextmanager
def keeping_old() -> Iterator[None]:
    """While a program runs that may overwrite what is saved: then nodes keep what they save."""
    hooking(1, "old")
    try:
        yield
    finally:
        hooking(-1, "old")


def hooking(more: int, *also: str) -> None:
    """Count what wants to know of all that is saved."""
    with _LOCK:
        for name in ("keep", *also):
            settings[name] += more


def keep_special(made: Node) -> Any:
    """Let a node keep what it has saved as those want it who asked; gives what writes may spoil."""
    if settings["old"]:
        keep_old(made)
    if mode.savers:
        from .saving import pack

        pack(made)
        return ()
    return made.saved


def keep_old(made: Node) -> None:
    """Let a node keep what its saved operands are now, whatever is written to their memory later.

    Saved results are kept by `Recorded._shared_version`.
    """
    operands = len(made.saved) - made.saves_results
    kept = [snapshot(v) if isinstance(v, Recorded) else v for v in made.saved[:operands]]
    made.saved = (*kept, *made.saved[operands:])


def _place() -> str:
    """The lines that led to the operation being recorded, without those of the runtime itself."""
    frames = traceback.extract_stack()
    while len(frames) > 1 and frames[-1].filename.startswith(_RUNTIME):
        frames.pop()
    return "".join(frames.format())


def record_many(
    node: type[Node],
    arrays: tuple[Any, ...],
    operands: tuple[Any, ...],
    saved: tuple[Any, ...] | None = None,
    static: Any = None,
    results: int | None = None,
) -> tuple[Any, ...]:
    """The results of an operation that has several; the first `results` of them have a derivative."""
    face = face_of(operands)
    outs = tuple([wrap(face, array) for array in arrays])
    if mode.enabled:
        edges = tuple([edge(value) for value in operands])
        if edges.count(None) != len(edges):
            made = node(edges, None, static)
            made.outputs = [(out._a.shape, out._a.dtype) for out in outs]
            for k, out in enumerate(outs[:results]):
                if out._a.dtype.kind in "fc":
                    out._fn = (made, k)
                    out._r = True
            if made.saves_results:
                saved = (*(saved or ()), *[kept_result(out) for out in outs[: made.saves_results]])
            keep(made, saved)
    return outs


def kept_result(out: Any) -> Any:
    """A fresh result as its own node saves it: the same memory, without the node, which would be a cycle.

    It learns of writes when the result first gets a version (`Recorded._shared_version`).
    """
    kept = _new(type(out))
    kept._a = out._a
    kept._fn = kept._grad = kept._version_of = kept._view = kept._more = None
    kept._r = False
    return kept


def alias(out: Any) -> Any:
    """A value without its node: the same memory and version."""
    kept = wrap(type(out), out._a)
    kept._version_of = out._shared_version()
    return kept


def in_face(value: Any, face: type) -> Any:
    """A recorded value as one of another class, with the same memory and history."""
    if type(value) is face:
        return value
    out = wrap(face, value._a)
    out._version_of = value._shared_version()
    out._fn = edge(value)
    out._r = out._fn is not None
    return out


def snapshot(value: Any) -> Any:
    """A value as it is now: with the same memory until that is written to, then with a copy."""
    kept = wrap(type(value), value._a)
    kept._fn = edge(value)
    kept._r = kept._fn is not None
    value._shared_version().snapshots.append(weakref.ref(kept))
    return kept


def face_of(operands: tuple[Any, ...]) -> type:
    """The class of what operations on these values give."""
    for value in operands:
        if isinstance(value, Recorded):
            face: type = type(value)._face  # type: ignore[attr-defined]
            return face
    raise TypeError("an operation without a recorded operand")


def array_of(value: Any) -> Any:
    """The NumPy array of a recorded value; anything else as it is."""
    return value._a if isinstance(value, Recorded) else value


def like(array: Any, value: Any) -> Any:
    """An array as a constant of the class of `value`, if that is recorded: for rules that make constants."""
    if isinstance(value, Recorded) and isinstance(array, np.ndarray):
        return wrap(type(value)._face, array)  # type: ignore[attr-defined]
    return array
