"""The nodes of the graph that recorded operations leave behind.

A node stands for one operation. Its *edges* lead to what made the operands: another node, a pair (node, k)
where that node has several results, a leaf that wants a gradient, or None. `saved` is what the reverse
needs; an entry that is a `Recorded` is checked for in-place writes since.

    x ──▶ MulBackward0 ──▶ SumBackward0          y = (x * w).sum()
    w ──▶                                        y.grad_fn is the SumBackward0

`backward(g, *saved)` gives a cotangent per edge, written with operators and NumPy functions. It runs on
NumPy arrays, and on `Recorded` values if the graph of the derivative is wanted too (`create_graph`): one
rule serves both. A rule does not mention broadcasting or dtypes: the engine sums and casts cotangents to
what the edge leads to.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

_FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have "
    "already been freed). Saved intermediate values of the graph are freed when you call .backward() or "
    "autograd.grad(). Specify retain_graph=True if you need to backward through the graph a second time or "
    "if you need to access saved tensors after calling backward."
)


class _Freed:
    """Stands for saved values that a backward pass has freed."""

    def restored(self, node: Any) -> Any:
        """Refuse, where hooks would give the values again."""
        raise RuntimeError(_FREED)


FREED: Any = _Freed()


class Version:
    """How often the memory that some values share has been written to.

    `snapshots` are weak references to saved values that must not see writes (`Recorded._keeps_old`).
    """

    __slots__ = ("n", "snapshots")

    def __init__(self) -> None:
        self.n = 0
        self.snapshots: list[Any] = []

    def preserve(self, array: np.ndarray[Any, Any]) -> None:
        """Give snapshots that share memory with an array, which is about to be written to, their own."""
        left = []
        for reference in self.snapshots:
            kept = reference()
            if kept is None:
                continue
            if np.may_share_memory(kept._a, array):
                kept._a = kept._a.copy()
            else:
                left.append(reference)
        self.snapshots = left


_METADATA: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


class Node:
    """One recorded operation.

    Attributes
    ----------
    edges
        Where the cotangents of the operands go, one entry an operand.
    saved
        What `backward` gets after the cotangent; None if it needs nothing.
    versions
        The versions of the saved values when they were saved; 0 if all are 0.
    static
        What `backward` needs besides that is no array: axes, shapes.
    shape, dtype
        Of the result; a list of pairs in `outputs` instead, where there are several.
    hooks
        Lists of functions on the cotangents of results, by number of the result.
    trace
        Where the operation was recorded, under `detect_anomaly`.
    """

    __slots__ = (
        "__weakref__",
        "dtype",
        "edges",
        "hooks",
        "outputs",
        "saved",
        "shape",
        "static",
        "trace",
        "versions",
    )
    # How many of the saved values, the last ones, are the results 0, 1 …
    saves_results = 0
    # Whether `backward` runs also if no cotangent has arrived.
    takes_nothing = False
    # Whether `backward` writes to the cotangent that it gets, and gives it on as the first of its own. It is
    # not called with memory of others.
    overwrites = False

    edges: tuple[Any, ...]
    saved: Any
    versions: Any
    static: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    outputs: list[tuple[tuple[int, ...], np.dtype[Any]]] | None
    hooks: dict[int, list[Any]] | None
    trace: Any

    def __init__(self, edges: tuple[Any, ...] = (), saved: Any = None, static: Any = None) -> None:
        self.edges = edges
        self.saved = saved
        self.versions = 0
        self.static = static
        self.outputs = self.hooks = self.trace = None

    def backward(self, g: Any, *saved: Any) -> Any:
        """A tuple of cotangents, one per edge; `g` is a list where the node has several results."""
        raise NotImplementedError(f"{type(self).__name__} has no derivative")

    # ---- what the engine calls
    def values(self, recorded: bool) -> Sequence[Any]:
        """The saved values: arrays, or as they were recorded, to record the derivative."""
        saved = self.saved
        if saved is None:
            return ()
        if type(saved) is not tuple:
            values = saved.restored(self)
            return values if recorded else [v._a if isinstance(v, Recorded) else v for v in values]
        arrays: list[Any] = []
        written = self.versions
        for value in saved:
            if isinstance(value, Recorded):
                version = value._version_of
                if version is not None and version.n:
                    written = True
                arrays.append(value._a)
            else:
                arrays.append(value)
        if written:
            self._check()
        if not recorded:
            return arrays
        count = self.saves_results
        if not count:
            return tuple(saved)
        return (*saved[:-count], *[value._result_of(self, k) for k, value in enumerate(saved[-count:])])

    def _check(self) -> None:
        """Refuse if a saved value has been written to."""
        versions = self.versions or (0,) * len(self.saved)
        for value, expected in zip(self.saved, versions, strict=True):
            version = value._version if isinstance(value, Recorded) else expected
            if version != expected:
                made = value._fn
                name = (
                    "" if made is None else f", which is output {output_of(made)} of {_short(node_of(made))},"
                )
                if self.saves_results and any(
                    value is result for result in self.saved[-self.saves_results :]
                ):
                    name = f", which is output 0 of {_short(self)},"
                raise RuntimeError(
                    "one of the variables needed for gradient computation has been modified by an inplace "
                    f"operation: [{value._kind()} {list(value._a.shape)}]{name} is at version {version}; "
                    f"expected version {expected} instead. Hint: enable anomaly detection to find the "
                    "operation that failed to compute its gradient, with "
                    "torch.autograd.set_detect_anomaly(True)."
                )

    def free(self) -> None:
        """Drop what was saved."""
        if self.saved is not None:
            self.saved = FREED

    def wants(self, k: int) -> bool:
        """Whether operand k leads to something that wants a cotangent."""
        return self.edges[k] is not None

    # ---- what users see
    def name(self) -> str:
        """The name of the operation, as `grad_fn` prints it."""
        return type(self).__name__

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for notes of one's own."""
        return _METADATA.setdefault(self, {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_saved_", "_raw_saved_")):
            from .saving import saved_by_name

            return saved_by_name(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that made the operands, each with the number of its result; (None, 0) for constants."""
        found: list[tuple[Any, int]] = []
        for edge in self.edges:
            if isinstance(edge, Recorded):
                found.append((edge._accumulator(), 0))
            else:
                found.append((node_of(edge), output_of(edge)))
        return tuple(found)

    def register_hook(self, hook: Any) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after this node has run; it may give other grad_inputs."""
        from .hooks import AFTER, register_on

        return register_on(self, AFTER, hook)

    def register_prehook(self, hook: Any) -> Any:
        """Call `hook(grad_outputs)` before this node runs; it may give other grad_outputs."""
        from .hooks import BEFORE, register_on

        return register_on(self, BEFORE, hook)

    def __repr__(self) -> str:
        return f"<{self.name()} object at {hex(id(self))}>"


def _short(node: Node) -> str:
    """The name of a node without its ending, as this message has it: `Exp` for ExpBackward0."""
    return node.name().rstrip("0123456789").removesuffix("Backward")


class FlatBackward(Node):
    """An operation whose derivative is zero."""

    __slots__ = ()

    def backward(self, g: Any, *saved: Any) -> Any:
        return tuple([None if e is None else g * 0 for e in self.edges])


class Scattered:
    """A cotangent that is zero but for the elements at an index: what the reverse of reading elements gives.

    The engine adds it to memory of its own, so reading n elements of an array one by one takes n additions,
    not n arrays. `repeats` says that the index may have an element twice.
    """

    __slots__ = ("g", "key", "repeats")

    def __init__(self, key: Any, g: Any, repeats: bool) -> None:
        self.key, self.g, self.repeats = key, g, repeats

    def added_to(self, array: Any) -> Any:
        """The array with this cotangent added, in place."""
        if self.repeats:
            np.add.at(array, self.key, self.g)
        else:
            array[self.key] += self.g
        return array


class Recorded:
    """An array whose operations are recorded: what `Tensor` and the arrays of the fallback have in common.

    Attributes
    ----------
    _a
        The NumPy array.
    _fn
        What made it: a node, or a pair (node, k) for result k of several; None for leaves and constants.
    _grad
        The accumulated gradient, a value of the same class, or None.
    _r
        Whether it requires a gradient.
    _version_of
        The `Version` of the memory; None as long as nobody shares or writes it.
    _view
        Of views that may be written to: whose memory they are (`views.View`).
    _more
        What few values have (`More`).
    """

    __slots__ = ("__weakref__", "_a", "_fn", "_grad", "_more", "_r", "_version_of", "_view")

    # Whether a node that saves a value keeps what it is now, whatever is written to its memory later; else a
    # backward pass that needs an overwritten value raises.
    _keeps_old = False
    # Whether it stands for a Python number, which takes the dtype of the array that it meets.
    _weak = False

    _a: Any
    _fn: Any
    _grad: Any
    _r: bool
    _version_of: Version | None
    _view: Any
    _more: More | None

    @property
    def _version(self) -> int:
        version = self._version_of
        return 0 if version is None else version.n

    def _shared_version(self) -> Version:
        """The version of this memory, made when it is first shared or written to."""
        version = self._version_of
        if version is None:
            version = self._version_of = Version()
            made = node_of(self._fn)
            if isinstance(made, Node) and made.saves_results and type(made.saved) is tuple:
                for kept in made.saved[-made.saves_results :]:
                    if kept._a is self._a and kept._version_of is None:
                        if self._keeps_old:
                            version.snapshots.append(weakref.ref(kept))
                        else:
                            kept._version_of = version
        return version

    def _extras(self) -> More:
        more = self._more
        if more is None:
            more = self._more = More()
        return more

    def _result_of(self, node: Node, k: int) -> Any:
        """This saved result with the node that made it: saved without, or node and value would be a cycle."""
        again = wrap(type(self), self._a)
        again._version_of = self._version_of
        again._fn = node if node.outputs is None else (node, k)
        again._r = True
        return again

    def _history_changed(self) -> None:
        """An in-place write has given this value, which has `More`, another node."""
        if self._more is not None and self._more.retains is not None:
            from .hooks import keep_gradient

            keep_gradient(self)

    def _accumulator(self) -> AccumulateGrad:
        """The node that stands for this leaf in `next_functions`: one as long as somebody holds it."""
        more = self._extras()
        known = more.accumulator() if more.accumulator is not None else None
        if known is None:
            known = AccumulateGrad(self)
            more.accumulator = weakref.ref(known)
        return known

    def _title(self) -> str:
        """The dtype as PyTorch's messages call it, `Float` for example."""
        return self._kind().removeprefix("torch.").removesuffix("Tensor")

    def _kind(self) -> str:
        """How messages call values of this dtype, `torch.FloatTensor` for example."""
        return _KINDS.get(self._a.dtype.name, self._a.dtype.name)


_KINDS = {
    "float32": "torch.FloatTensor", "float64": "torch.DoubleTensor", "float16": "torch.HalfTensor",
    "int64": "torch.LongTensor", "int32": "torch.IntTensor", "int16": "torch.ShortTensor",
    "int8": "torch.CharTensor", "uint8": "torch.ByteTensor", "bool": "torch.BoolTensor",
    "complex64": "torch.ComplexFloatTensor", "complex128": "torch.ComplexDoubleTensor",
}  # fmt: skip


class More:
    """What few values have: hooks, the wish to keep the gradient of a value that is not a leaf."""

    __slots__ = ("accumulator", "after", "hooks", "name", "retains")

    def __init__(self) -> None:
        self.hooks: dict[int, list[Any]] | None = None
        self.after: list[Any] | None = None
        self.retains: Handle | None = None
        self.accumulator: Any = None
        self.name: str | None = None


class AccumulateGrad(Node):
    """Stands for a leaf where graphs are looked at."""

    __slots__ = ("variable",)

    def __init__(self, variable: Recorded) -> None:
        super().__init__()
        self.variable = variable

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {hex(id(self))}>"

    def register_hook(self, hook: Any) -> Any:
        from .hooks import AFTER, Hook

        return Handle.put(self.variable._extras(), AFTER, Hook(hook))

    def register_prehook(self, hook: Any) -> Any:
        from .hooks import BEFORE, Hook

        return Handle.put(self.variable._extras(), BEFORE, Hook(hook))


class Handle:
    """What registering a hook gives: `remove()` takes the hook away; as a context manager, at its end."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks, self._hook = hooks, hook

    @classmethod
    def put(cls, owner: Any, k: int, hook: Any) -> Handle:
        """Register a hook in `owner.hooks[k]`."""
        if owner.hooks is None:
            owner.hooks = {}
        hooks = owner.hooks.setdefault(k, [])
        hooks.append(hook)
        return cls(hooks, hook)

    def remove(self) -> None:
        """Take the hook away; once is enough."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def node_of(edge: Any) -> Any:
    """The node of an edge."""
    return edge[0] if type(edge) is tuple else edge


def output_of(edge: Any) -> int:
    """Which result of its node an edge is."""
    return edge[1] if type(edge) is tuple else 0


def wrap(face: type, array: Any) -> Any:
    """An array as a value of class `face`, without history."""
    value: Any = object.__new__(face)
    value._a = array if type(array) is np.ndarray else np.asarray(array)
    value._fn = value._grad = value._version_of = value._view = value._more = None
    value._r = False
    return value
