"""What users do with the tensors that nodes save: keep them elsewhere until the backward pass needs them.

Inside of `saved_tensors_hooks(pack, unpack)` a node keeps what `pack` gives for each tensor that it saves,
and `unpack` turns that into a tensor again. The node knows besides where cotangents of the tensor go
(`Kept`).

    with saved_tensors_hooks(to_disk, from_disk):
        loss = model(x).sum()      # saved tensors are on the disk
    loss.backward()                # and are read as they are needed
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .hooks import FACES
from .mode import mode
from .node import FREED, Node, Recorded, wrap
from .record import edge, hooking

_WRITES = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot "
    "be modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if "
    "you need to perform in-place operations on the input to a pack hook."
)


class saved_tensors_hooks:
    """Keep what operations save in another form until the backward pass needs it.

    Of nested ones the innermost counts. Hooks must not write to the tensor that they get.

    Parameters
    ----------
    pack_hook
        Called with each tensor that an operation saves; what it gives is kept instead.
    unpack_hook
        Called with what `pack_hook` gave; gives a tensor of the same numbers.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([3.0], requires_grad=True)
    >>> with pb.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), pb.tensor):
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if mode.refusal is not None:
            raise RuntimeError(mode.refusal)
        mode.savers = (*mode.savers, (self.pack_hook, self.unpack_hook))
        hooking(1)

    def __exit__(self, *exc: object) -> None:
        mode.savers = mode.savers[:-1]
        hooking(-1)


class save_on_cpu(saved_tensors_hooks):
    """Keep what operations save in memory of the CPU, where it is anyway.

    A backward pass that needs what has been overwritten raises, as without.

    Parameters
    ----------
    pin_memory
        Has no effect.
    device_type
        Has no effect.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([3.0], requires_grad=True)
    >>> with pb.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: (tensor.detach(), tensor._version), self._unchanged)

    @staticmethod
    def _unchanged(kept: tuple[Any, int]) -> Any:
        tensor, version = kept
        if tensor._version != version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace "
                f"operation: [{tensor._kind()} {list(tensor._a.shape)}] is at version {tensor._version}; "
                f"expected version {version} instead."
            )
        return tensor


class disable_saved_tensors_hooks:
    """Refuse `saved_tensors_hooks` inside of the block.

    Parameters
    ----------
    error_message
        What the RuntimeError says.

    Examples
    --------
    >>> import pullback as pb
    >>> with pb.autograd.graph.disable_saved_tensors_hooks("not here"):
    ...     with pb.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: not here
    """

    def __init__(self, error_message: str) -> None:
        self.message = error_message

    def __enter__(self) -> None:
        self._before = mode.refusal
        if mode.savers:
            raise RuntimeError(self.message)
        mode.refusal = self.message

    def __exit__(self, *exc: object) -> None:
        mode.refusal = self._before


def pack(made: Node) -> None:
    """Let the innermost hooks keep what a node has just saved."""
    pack_hook, unpack_hook = mode.savers[-1]
    first = len(made.saved) - made.saves_results
    made.saved = Packed(
        [
            _kept(value, pack_hook, unpack_hook, k - first if k >= first else None)
            for k, value in enumerate(made.saved)
        ]
    )
    made.versions = 0


class Kept:
    """A saved value as hooks keep it: what `pack` gave, `unpack`, and where cotangents go.

    `result` is its number if it is a result of the node, `raw` says that it was a NumPy array.
    """

    __slots__ = ("edge", "given", "raw", "result", "unpack")

    def __init__(self, value: Any, pack_hook: Any, unpack_hook: Any, result: int | None) -> None:
        self.raw = not isinstance(value, Recorded)
        self.unpack, self.result, self.edge = unpack_hook, result, edge(value)
        seen = wrap(FACES[0], value) if self.raw else value
        before = seen._version
        self.given = pack_hook(seen)
        if seen._version != before:
            raise RuntimeError(_WRITES)

    def restored(self, node: Node) -> Any:
        """The value again."""
        value = self.unpack(self.given)
        if not isinstance(value, Recorded):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}"
            )
        if self.raw:
            return value._a
        if self.result is not None:
            return value._result_of(node, self.result)
        again = wrap(type(value), value._a)
        again._fn, again._r = self.edge, self.edge is not None
        return again


class Packed:
    """All that a node has saved, some of it kept by hooks: stands in `Node.saved`."""

    __slots__ = ("entries",)

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries

    def restored(self, node: Node) -> tuple[Any, ...]:
        """What the node has saved."""
        return tuple([e.restored(node) if isinstance(e, Kept) else e for e in self.entries])


def _kept(value: Any, pack_hook: Any, unpack_hook: Any, result: int | None) -> Any:
    """One saved value as a node keeps it; what is no array stays as it is."""
    if type(value) is np.ndarray or isinstance(value, Recorded):
        return Kept(value, pack_hook, unpack_hook, result)
    return value


class SavedTensor:
    """A tensor that a node has saved, as `grad_fn._raw_saved_self` gives it."""

    def __init__(self, node: Node, k: int) -> None:
        self._node, self._k = node, k

    def register_hooks(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        """Keep this tensor in another form; see `saved_tensors_hooks`.

        Raises
        ------
        RuntimeError
            If it has been freed, or has hooks already.
        """
        node, k = self._node, self._k
        if node.saved is FREED:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values "
                "of the graph are freed when you call .backward() or autograd.grad(). Specify "
                "retain_graph=True if you need to backward through the graph a second time or if you need to "
                "access saved variables after calling backward."
            )
        entries = list(node.saved.entries if isinstance(node.saved, Packed) else node.saved)
        if isinstance(entries[k], Kept):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one "
                "pair of hooks is allowed at a time."
            )
        first = len(entries) - node.saves_results
        entries[k] = _kept(entries[k], pack_hook, unpack_hook, k - first if k >= first else None)
        node.saved = Packed(entries)


def saved_by_name(node: Node, name: str) -> Any:
    """`grad_fn._saved_self` and its kin: what a node has saved by PyTorch's names.

    Operands are `self` and `other`, the only result is `result`.
    """
    raw = name.startswith("_raw_saved_")
    short = name.removeprefix("_raw_saved_" if raw else "_saved_")
    saved = node.saved
    if saved is FREED:
        if raw:
            return SavedTensor(node, 0)
        node.values(False)
    entries = saved.entries if isinstance(saved, Packed) else saved or ()
    operands = len(entries) - node.saves_results
    k = {"self": 0, "other": 1, "result": operands}.get(short, -1)
    if k < 0 or k >= (len(entries) if short == "result" else operands) or node.saves_results > 1:
        raise AttributeError(f"{type(node).__name__!r} object has no attribute {name!r}")
    if raw:
        return SavedTensor(node, k)
    value = entries[k]
    if isinstance(value, Kept):
        return value.restored(node)
    if type(value) is np.ndarray:
        return wrap(FACES[0], value)
    return value._result_of(node, 0) if short == "result" else value


__all__ = [
    "SavedTensor",
    "disable_saved_tensors_hooks",
    "pack",
    "save_on_cpu",
    "saved_by_name",
    "saved_tensors_hooks",
]
