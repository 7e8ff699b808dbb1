"""Views that share memory, and writes into values that others may look at.

A view knows whose memory it shows (its *base*) and how to get there: a chain of view operations that can be
replayed on the base, or on its cotangent. A write through a view is a write to part of the base:

    v = x[1:]          v shows x                            x ──▶ SliceBackward0 ──▶ v
    v *= w             the base gets a new history          x ──▶ CopySlices ──▶ x
                       and the view is taken from it again        CopySlices ──▶ SliceBackward0 ──▶ v

Other views of the same memory find their new history when they are next used (`View.refresh`): each write
counts the version of the memory up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .mode import mode
from .node import FlatBackward, Node, Recorded, Scattered, Version, node_of, output_of, wrap
from .record import attach, edge, record, settings

_new: Any = object.__new__

# Kinds of dtypes by category: a result of a higher one does not fit into a value of a lower one.
CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}

_LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
_VIEW_OF_LEAF = "a view of a leaf Variable that requires grad is being used in an in-place operation."
_OVERLAP = (
    "unsupported operation: more than one element of the written-to tensor refers to a single memory "
    "location. Please clone() the tensor before performing the operation."
)
_IN_NO_GRAD = (
    "A view was created in no_grad mode and {what} modified inplace with grad mode enabled. Given that this "
    "use case is ambiguous and error-prone, it is forbidden. You can clarify your code by moving both the "
    "view and the inplace either both inside the no_grad block (if you don't want the inplace to be tracked) "
    "or both outside (if you want the inplace to be tracked)."
)
_OF_MANY = (
    "Output {k} of {name} is a view and {what} modified inplace. This view is the output of a function that "
    "returns multiple views. Such functions do not allow the output views to be modified inplace. You should "
    "replace the inplace operation by an out-of-place one."
)
_OF_BITS = (
    "A view with another dtype and {what} modified inplace: such a write has no derivative. Write to a "
    "clone, or under no_grad."
)
_MOVED = (
    "the base of this view got other memory or another shape after the view was taken (by `.data =` or an "
    "in-place change of shape), so a write to either can no longer be recorded for both. Take the view again."
)

# Why writes through a view cannot be recorded.
IN_NO_GRAD, OF_MANY, OF_BITS = _IN_NO_GRAD, _OF_MANY, _OF_BITS


class View:
    """What a view shows.

    Attributes
    ----------
    base
        The value whose memory it is.
    memory
        The array that the base had when the view was taken.
    chain
        How to get there: (the chain before or None, a view operation, its arguments).
    version
        The version of the memory up to which the history of the view is known.
    why
        Why writes through it cannot be recorded, or None.
    """

    __slots__ = ("base", "chain", "memory", "version", "why")

    def __init__(self, base: Recorded, memory: Any, chain: Any, version: int, why: str | None) -> None:
        self.base, self.memory, self.chain, self.version, self.why = base, memory, chain, version, why

    def refresh(self, value: Recorded) -> None:
        """Take the history from the base again, if the memory has been written to.

        Raises
        ------
        RuntimeError
            If what has been written cannot be seen through this view.
        """
        shared = value._version_of
        if shared is None or shared.n == self.version:
            return
        base = self.base
        if not base._r:
            self.version = shared.n
        elif self.why is None:
            self.renew(value)
        elif mode.enabled:
            raise RuntimeError(self.refusal(value, "its base or another view of its base has been"))

    def renew(self, value: Recorded) -> None:
        """Take the history from the base, as of now."""
        if self.base._a is not self.memory:
            raise RuntimeError(_MOVED)
        assert value._version_of is not None
        self.version = value._version_of.n
        before = mode.enabled
        mode.enabled = True
        try:
            again = replay(self.base, self.chain)
        finally:
            mode.enabled = before
        value._fn, value._r = again._fn, again._r
        if value._more is not None:
            value._history_changed()

    def refusal(self, value: Recorded, what: str) -> str:
        """Why a write cannot be recorded, in PyTorch's words."""
        assert self.why is not None
        made = node_of(value._fn)
        name = "" if made is None else made.name().rstrip("0123456789").removesuffix("Backward")
        return self.why.format(what=what, k=output_of(value._fn), name=name)


def replay(value: Any, chain: Any) -> Any:
    """The view operations of a chain on a value or an array."""
    steps = []
    while chain is not None:
        chain, operation, arguments = chain
        steps.append((operation, arguments))
    for operation, arguments in reversed(steps):
        value = operation(value, *arguments)
    return value


def view(
    node: type[Node],
    array: np.ndarray[Any, Any],
    x: Recorded,
    operation: Callable[..., Any],
    arguments: tuple[Any, ...],
    static: Any = None,
    why: str | None = None,
) -> Any:
    """The result of an operation that shows memory of x.

    `operation(x, *arguments)` replays it on a value, and on an array of the layout of x: there too the result
    must share memory.
    """
    before, recorded = x._view, mode.enabled
    shows = _new(View)
    if before is None:
        shows.base, shows.memory, shows.chain = x, x._a, (None, operation, arguments)
    else:
        if recorded:
            before.refresh(x)
        shows.base, shows.memory = before.base, before.memory
        shows.chain = (before.chain, operation, arguments)
        why = before.why or why
    shows.why = why if recorded or why is not None else IN_NO_GRAD
    version = x._version_of or x._shared_version()
    shows.version = version.n
    out: Any = _new(type(x)._face)  # type: ignore[attr-defined]
    out._a = array
    out._fn = out._grad = out._more = None
    out._r = False
    out._version_of = version
    out._view = shows
    if x._r and recorded and array.dtype.kind in "fc":
        attach(out, node, (x if x._fn is None else x._fn,), None, static)
    return out


def shown(
    out: Recorded, x: Recorded, operation: Any, arguments: tuple[Any, ...], why: str | None = None
) -> None:
    """Note that `out` shows memory of `x`."""
    before = x._view
    if before is None:
        base, memory, chain = x, x._a, None
    else:
        base, memory, chain = before.base, before.memory, before.chain
        why = before.why or why
    if why is None and not mode.enabled:
        why = IN_NO_GRAD
    version: Version = x._shared_version()
    out._version_of = version
    out._view = View(base, memory, (chain, operation, arguments), version.n, why)


# ---- writes
class CopySlices(Node):
    """A write to part of a value: the cotangent of what was there before is zero in the part.

    `static` is the chain to the part, the order of the axes in memory, and the node that computed what was
    written from what was there and from other operands; None if all of that hangs on the second edge.
    """

    __slots__ = ()
    overwrites = True

    def values(self, recorded: bool) -> tuple[Any, ...]:
        write = self.static[2]
        saved: tuple[Any, ...] = () if write is None else write.values(recorded)
        return saved

    def free(self) -> None:
        if self.static[2] is not None:
            self.static[2].free()

    def backward(self, g: Any, *saved: Any) -> Any:
        chain, order, write = self.static
        recorded = isinstance(g, Recorded)
        whole = g if not recorded and memory_order(g) == order else laid_out(g, order)
        part = replay(whole, chain)
        inside = copied(part)
        results = (None, inside) if write is None else write.backward(inside, *saved)
        first = results[0]
        if isinstance(first, Scattered):
            first = first.added_to(np.zeros_like(inside))
        part[...] = 0 if first is None else first
        return (whole if self.edges[0] is not None else None, *results[1:])


class _CloneBackward0(Node):
    """The same numbers in memory of their own."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return (g,)


def copied(x: Any) -> Any:
    """A copy of a value or an array."""
    return record(_CloneBackward0, x._a.copy(), (x,)) if isinstance(x, Recorded) else x.copy()


def memory_order(array: np.ndarray[Any, Any]) -> tuple[int, ...] | None:
    """The axes of an array from the outermost to the innermost in memory; None if they are in order.

    Arrays laid out in the same order can be shown in the same ways: an axis split or joined without a copy.
    """
    if array.flags.c_contiguous:
        return None
    steps = [-abs(s) if n > 1 else 0 for n, s in zip(array.shape, array.strides, strict=True)]
    return tuple(sorted(range(array.ndim), key=steps.__getitem__))


def laid_out(g: Any, order: tuple[int, ...] | None) -> Any:
    """A copy of g with its axes in this order in memory."""
    if isinstance(g, Recorded):
        return record(_CloneBackward0, laid_out(g._a, order), (g,))
    if order is None:
        return np.array(g, order="C")
    whole: Any = np.empty([g.shape[k] for k in order], g.dtype).transpose(np.argsort(order))
    whole[...] = g
    return whole


def check_write(x: Recorded, *operands: Any) -> bool:
    """Whether a write to x is to be recorded.

    Raises
    ------
    RuntimeError
        If x is a leaf that requires a gradient, or a view that cannot be written to.
    """
    if not mode.enabled:
        return False
    shows = x._view
    if shows is not None and shows.why is not None and shows.base._r:
        raise RuntimeError(shows.refusal(x, "is being"))
    wanted = edge(x) is not None
    if not wanted:
        for operand in operands:
            if isinstance(operand, Recorded) and edge(operand) is not None:
                break
        else:
            return False
    if shows is not None:
        if shows.why is not None:
            raise RuntimeError(shows.refusal(x, "is being"))
        if shows.base._fn is None and shows.base._r:
            raise RuntimeError(_VIEW_OF_LEAF)
        if shows.base._a is not shows.memory:
            raise RuntimeError(_MOVED)
    if wanted and x._fn is None:
        raise RuntimeError(_LEAF)
    return True


def writable(x: Recorded) -> np.ndarray[Any, Any]:
    """The array of x, to write to.

    Raises
    ------
    RuntimeError
        If several elements of x are the same memory.
    """
    array: np.ndarray[Any, Any] = x._a
    if not array.flags.writeable:
        raise RuntimeError(_OVERLAP)
    version = x._shared_version() if x._keeps_old else x._version_of
    if version is not None and version.snapshots:
        version.preserve(array)
    return array


def written(x: Recorded, made: Any = None, direct: bool = False) -> Recorded:
    """Note that x has been written to, and by what, if that is recorded.

    Parameters
    ----------
    x
        The value.
    made
        The edge of what has been written, or None.
    direct
        It is a node of its own whose first operand is x: nobody else refers to it, and its other operands
        are all that it needs besides.
    """
    version = x._shared_version()
    version.n += 1
    if made is None:
        return x
    shows = x._view
    if shows is None:
        _renewed(x, made)
        return x
    base = shows.base
    before = edge(base)
    edges, write = ((before, *made.edges[1:]), made) if direct else ((before, made), None)
    copies = CopySlices(edges, None, (shows.chain, memory_order(base._a), write))
    copies.shape, copies.dtype = base._a.shape, base._a.dtype
    if settings["trace"]:
        copies.trace = node_of(made).trace
    _renewed(base, copies)
    if x._more is None:
        shows.version = -1  # its history is taken from the base when it is asked for
    else:
        shows.renew(x)
    return x


def _renewed(x: Recorded, made: Any) -> None:
    """Give x the history `made`."""
    x._fn, x._r = made, True
    if x._more is not None:
        x._history_changed()


def assign(
    x: Recorded,
    store: Callable[[np.ndarray[Any, Any]], Any],
    node: type[Node],
    operands: tuple[Any, ...] = (),
    saved: tuple[Any, ...] | None = None,
    static: Any = None,
) -> Recorded:
    """x after `store(its array)`, a write whose derivative does not need the values that x had.

    `node` has the operands x and `operands`; what it saves must not be memory of x.
    """
    recorded = check_write(x, *operands)
    array = writable(x)
    if not recorded or array.dtype.kind not in "fc":
        store(array)
        return written(x)
    out = record(node, array, (x, *operands), saved, static)
    store(array)
    return written(x, out._fn, direct=True)


def write(x: Recorded, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Recorded:
    """x overwritten with `operation(x, *args, **kwargs)`, an operation that is recorded.

    Raises
    ------
    RuntimeError
        If x may not be written to, or the result has another shape or a dtype that does not fit into x.
    """
    operands = (*args, *kwargs.values()) if kwargs else args
    recorded = check_write(x, *operands)
    out = operation(x, *args, **kwargs)
    a, r = x._a, out._a
    if r.shape != a.shape:
        raise RuntimeError(
            f"output with shape {list(a.shape)} doesn't match the broadcast shape {list(r.shape)}"
        )
    if r.dtype is not a.dtype and CATEGORY[r.dtype.kind] > CATEGORY[a.dtype.kind]:
        raise RuntimeError(
            f"result type {out._title()} can't be cast to the desired output type {x._title()}"
        )
    writable(x)
    if not recorded:
        a[...] = r
        return written(x)
    made = out._fn
    if made is None:
        made = _nothing(x, operation, operands)
        if made is None:  # neither the result nor what it is written to has a derivative
            a[...] = r
            return written(x)
    direct = type(made) is not tuple and made.edges[0] is edge(x)
    for operand in (x, *operands):
        if isinstance(operand, Recorded):
            direct = direct and operand._fn is not made
    spare(made, x, operands)
    # `r` may be memory of x: NumPy copies then.
    a[...] = r
    if (
        type(made) is not tuple
        and made.saves_results
        and type(made.saved) is tuple
        and r.dtype is a.dtype
        and not (x._keeps_old or out is x)
    ):
        _results_in(made, x)
    return written(x, made, direct)


class NotDifferentiable(FlatBackward):
    """What was written has no derivative, such as a comparison; `static` is what wrote it, and the number of
    its node."""

    __slots__ = ()

    def name(self) -> str:
        name, number = self.static
        return f"{name.title().replace('_', '')}Backward{number}"


def _nothing(x: Recorded, operation: Any, operands: Any) -> Any:
    """The node of a write whose result has no derivative; None for integers."""
    if x._a.dtype.kind not in "fc":
        return None
    name = getattr(operation, "__name__", "write")
    operands = () if name.startswith("logical") else operands
    number = int(any(isinstance(v, Recorded) for v in operands))
    return record(NotDifferentiable, x._a, (x, *operands), None, (name, number))._fn


def _results_in(made: Node, x: Recorded) -> None:
    """Let a node that saves its result save x, which the result has been written to."""
    kept = made.saved[-1]
    kept._a, kept._version_of = x._a, x._shared_version()
    before = made.versions[:-1] if made.versions else (0,) * (len(made.saved) - 1)
    made.versions = (*before, x._version + 1)


def spare(made: Any, x: Recorded, operands: Iterable[Any] = ()) -> None:
    """Copy what the nodes of an operation on x saved of the memory of x, which is about to be overwritten.

    The nodes are those between the edge `made` and the edges of the operands.
    """
    seen: set[Any] = {node_of(v._fn) for v in (x, *operands) if isinstance(v, Recorded)}
    stack = [node_of(made)]
    while stack:
        node = stack.pop()
        if node is None or node in seen or not isinstance(node, Node):
            continue
        seen.add(node)
        if type(node.saved) is tuple:
            _spare_one(node, x)
        stack.extend(node_of(e) for e in node.edges)


def _spare_one(node: Node, x: Recorded) -> None:
    kept = list(node.saved)
    versions = list(node.versions) if node.versions else [0] * len(kept)
    changed = False
    for i, value in enumerate(kept):
        recorded = isinstance(value, Recorded)
        array = value._a if recorded else value
        if type(array) is not np.ndarray or not np.may_share_memory(array, x._a):
            continue
        if recorded and value._version != versions[i]:  # overwritten before: to be refused, not hidden
            continue
        kept[i], versions[i], changed = _copy(value) if recorded else value.copy(), 0, True
    if changed:
        node.saved = tuple(kept)
        node.versions = tuple(versions) if any(versions) else 0


def _copy(value: Recorded) -> Any:
    """A copy of a saved value whose cotangents go where those of the value go."""
    copy = wrap(type(value)._face, value._a.copy())  # type: ignore[attr-defined]
    copy._fn = edge(value)
    copy._r = copy._fn is not None
    return copy
