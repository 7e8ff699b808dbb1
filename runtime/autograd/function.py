"""Operations of a user's own: `Function` with a `forward` and a `backward`.

>>> import pullback as pb
>>> class Cube(pb.autograd.Function):
...     @staticmethod
...     def forward(ctx, x):
...         ctx.save_for_backward(x)
...         return x**3
...     @staticmethod
...     def backward(ctx, g):
...         (x,) = ctx.saved_tensors
...         return 3 * x**2 * g
>>> x = pb.tensor([2.0], requires_grad=True)
>>> Cube.apply(x)
tensor([8.], grad_fn=<CubeBackward>)
"""

from __future__ import annotations

import functools
import inspect
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..tape import views
from ..tape.mode import mode
from ..tape.node import FREED, Node, Recorded, output_of, wrap
from ..tape.record import alias, edge, keep
from ..tensor.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = (
    "Output {k} of {name} is a view and {what} modified inplace. "
    "This view was created inside a custom Function (or because an input was returned as-is) and the "
    "autograd logic to handle view+inplace would override the custom backward associated with the custom "
    "Function, leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the "
    "output of the custom Function."
)


class FunctionCtx:
    """What `forward` leaves for `backward`: saved tensors, and any attributes.

    Attributes
    ----------
    needs_input_grad
        For each argument of `apply` whether it wants a gradient.
    saved_tensors
        What `save_for_backward` has saved.
    """

    _forward_cls: type[Function]
    needs_input_grad: tuple[bool, ...] = ()
    materialize_grads = True
    to_save: tuple[Any, ...] = ()
    dirty_tensors: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    _made: Any = None  # a weak reference to the node

    def save_for_backward(self, *tensors: Any) -> None:
        """Save tensors, or None, for `backward`; once, and arguments and results this way only."""
        self.to_save = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Say that `forward` has overwritten these arguments; they must be among its results."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say that these results have no derivative."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros, at first, or None for results that nothing depends on."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` has saved.

        Raises
        ------
        RuntimeError
            If it has been freed, or written to since.
        """
        made = None if self._made is None else self._made()
        return self.to_save if made is None else made.unpacked()

    saved_variables = saved_tensors

    def name(self) -> str:
        """The name of the node."""
        return type(self).__name__


class FunctionNode(Node):
    """The node of a `Function`: `static` is what `forward` left, an attribute of it is one of the node."""

    __slots__ = ("owned", "takes")
    takes_nothing = True

    owned: tuple[int | None, ...]  # for each saved value which result it is
    takes: tuple[bool, ...]  # for each argument whether it is a tensor

    def values(self, recorded: bool) -> tuple[Any, ...]:
        return ()

    def unpacked(self) -> tuple[Any, ...]:
        """The saved tensors, results with this node as their history."""
        Node.values(self, False)
        if self.saved is None:
            return ()
        if type(self.saved) is not tuple:
            restored: tuple[Any, ...] = self.saved.restored(self)
            return restored
        return tuple(
            [v if k is None else v._result_of(self, k) for v, k in zip(self.saved, self.owned, strict=True)]
        )

    def free(self) -> None:
        if self.saved:
            self.saved = FREED

    def name(self) -> str:
        return type(self.static).__name__

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that made the tensors among the arguments."""
        found = Node.next_functions.fget(self)  # type: ignore[attr-defined]
        return tuple(pair for pair, tensor in zip(found, self.takes, strict=True) if tensor)

    def backward(self, g: Any, *saved: Any) -> Any:
        ctx = self.static
        parts = g if self.outputs is not None else [g]
        recorded = mode.enabled
        given = ctx._forward_cls._backward_of()(ctx, *[self._shown(k, part) for k, part in enumerate(parts)])
        return self._checked(given, recorded)

    def _shown(self, k: int, part: Any) -> Any:
        if part is None:
            if not self.static.materialize_grads:
                return None
            known = (self.shape, self.dtype) if self.outputs is None else self.outputs[k]
            return None if known is None else wrap(Tensor, np.zeros(*known))
        return part if isinstance(part, Recorded) else wrap(Tensor, part)

    def _checked(self, given: Any, recorded: bool) -> list[Any]:
        """What `backward` gave, one entry an argument."""
        results = list(given) if isinstance(given, tuple) else [given]
        count = len(self.edges)
        if len(results) > count and all(r is None for r in results[count:]):
            del results[count:]
        if len(results) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {count}, got "
                f"{len(results)})"
            )
        for k, result in enumerate(results):
            if result is None:
                continue
            if not isinstance(result, Recorded):
                raise RuntimeError(f"expected Variable or None (got {type(result).__name__})")
            if not self.takes[k]:
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {k + 1}, "
                    "but the corresponding forward input was not a Variable"
                )
            if not recorded:
                results[k] = result._a
        return results

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_saved", "_raw_saved")) or name in ("static", "owned", "takes"):
            raise AttributeError(name)
        return getattr(self.static, name)

    def __repr__(self) -> str:
        return f"<pullback.autograd.function.{self.name()} object at {hex(id(self))}>"


class Function:
    """An operation of one's own: derive from it and write `forward` and `backward`, both static methods.

    `forward(ctx, *args)` computes, on tensors that are not recorded. `backward(ctx, *gs)` gets a cotangent
    for each result and gives one for each argument, None for those that want none. Its tensor operations are
    recorded when derivatives of derivatives are wanted. Instead of taking `ctx`, `forward` may be followed by
    `setup_context(ctx, inputs, output)`. Called by `apply`.

    Examples
    --------
    >>> import pullback as pb
    >>> class Double(pb.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> Double.apply(x).sum().backward()
    >>> x.grad
    tensor([2., 2.])
    """

    _context: type[FunctionCtx]
    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so "
            "you should invoke them on the class itself. Instantiating an autograd function will raise an "
            "error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._context = type(cls.__name__ + "Backward", (FunctionCtx,), {"_forward_cls": cls})

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style "
            "autograd function with static forward method."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the results from the arguments of `apply`."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Save what `backward` needs, if `forward` does not take `ctx`."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Give a cotangent for each argument, from one for each result."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    vjp = backward

    @classmethod
    def _backward_of(cls) -> Callable[..., Any]:
        if cls.vjp is Function.vjp:
            return cls.backward
        if cls.backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should "
                "only implement one of them."
            )
        return cls.vjp

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Compute and record.

        Parameters
        ----------
        args, kwargs
            The arguments of `forward`, but for `ctx`.

        Returns
        -------
        Any
            What `forward` gives.

        Raises
        ------
        RuntimeError
            If an argument marked dirty may not be written to, or is not among the results.
        """
        separate = cls.setup_context is not Function.setup_context
        if separate:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        ctx = cls._context() if cls is not Function else FunctionCtx()
        edges = tuple([edge(a) for a in args])
        recorded = mode.enabled and edges.count(None) != len(edges)
        ctx.needs_input_grad = tuple([e is not None for e in edges])
        before, mode.enabled = mode.enabled, False
        try:
            if separate:
                given = cls.forward(*args, **kwargs)
                cls.setup_context(ctx, args, given)
            else:
                given = cls.forward(ctx, *args, **kwargs)
        finally:
            mode.enabled = before
        outs = list(given) if isinstance(given, tuple) else [given]
        results = _Results(ctx, args, edges, outs, recorded).made(isinstance(given, tuple))
        return tuple(results) if isinstance(given, tuple) else results[0]


class _Results:
    """The results of one `forward`, on their way into the graph."""

    def __init__(
        self, ctx: FunctionCtx, args: Sequence[Any], edges: Any, outs: list[Any], recorded: bool
    ) -> None:
        self.ctx, self.args, self.edges, self.outs, self.recorded = ctx, args, edges, outs, recorded
        self.dirty = [id(t) for t in ctx.dirty_tensors]
        self.constant = {id(t) for t in ctx.non_differentiable}

    def made(self, many: bool) -> list[Any]:
        if not set(self.dirty) <= {id(out) for out in self.outs}:
            raise RuntimeError(
                "Some elements marked as dirty during the forward method were not returned as output. The "
                "inputs that are modified inplace must all be outputs of the Function."
            )
        for t in self.ctx.dirty_tensors:
            if self.recorded and views.check_write(t) and t._view is not None and t is not self.args[0]:
                raise RuntimeError(
                    "a Function can overwrite a view only if it is its first argument; give it a clone"
                )
        node = self._node(many) if self.recorded else None
        results, seen = [], set[int]()
        for k, out in enumerate(self.outs):
            if isinstance(out, Recorded):
                fresh = id(out) not in seen
                seen.add(id(out))
                out = self._result(k, out, node, fresh)
            results.append(out)
        if node is not None:
            self._save(node, results)
        return results

    def _node(self, many: bool) -> FunctionNode:
        node = FunctionNode(self.edges, None, self.ctx)
        node.takes = tuple([isinstance(a, Recorded) for a in self.args])
        node.owned = ()
        if many:
            node.outputs = [
                (out._a.shape, out._a.dtype) if isinstance(out, Recorded) else None  # type: ignore[misc]
                for out in self.outs
            ]
        elif isinstance(self.outs[0], Recorded):
            node.shape, node.dtype = self.outs[0]._a.shape, self.outs[0]._a.dtype
        self.ctx._made = weakref.ref(node)
        return node

    def _result(self, k: int, out: Any, node: FunctionNode | None, fresh: bool) -> Any:
        argument = next((a for a in self.args if a is out), None)
        made: Any = None
        if node is not None and id(out) not in self.constant and out._a.dtype.kind in "fc":
            made = node if node.outputs is None else (node, k)
        if id(out) in self.dirty and argument is not None:
            return views.written(out, made)
        base = argument if argument is not None else self._shows(out)
        if argument is not None or not fresh:
            out = alias(out)
        if made is not None:
            out._fn, out._r = made, True
        if base is not None and made is not None:
            self._opaque(out, base)
        return out

    def _shows(self, out: Any) -> Any:
        """The argument whose memory a result shows."""
        if out._view is None:
            return None
        mine = out._view.base
        return next((a for a in self.args if isinstance(a, Recorded) and mine in (a, _base(a))), None)

    def _opaque(self, out: Any, shown: Any) -> None:
        """Note that a result shows memory of an argument, and cannot be written to."""
        base = _base(shown)
        out._version_of = shown._shared_version()
        out._view = views.View(base, base._a, None, out._version_of.n, _SHOWN)

    def _save(self, node: FunctionNode, results: list[Any]) -> None:
        """Let the node keep what `save_for_backward` was given; results without their node: no cycle."""
        wanted = self.ctx.to_save
        self.ctx.to_save = ()
        saved, owned = [], []
        for k, value in enumerate(wanted):
            if not (value is None or isinstance(value, Recorded)):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {k} is of type "
                    f"{type(value).__name__}"
                )
            mine = any(value is r for r in results) and value is not None and value._fn is not None
            saved.append(alias(value) if mine else value)
            owned.append(output_of(value._fn) if mine and value is not None else None)
        node.owned = tuple(owned)
        keep(node, tuple(saved) or None)


def _base(value: Any) -> Any:
    return value if value._view is None else value._view.base


class _Twice(Node):
    """Stands behind what a function gave that is marked `once_differentiable`."""

    __slots__ = ()

    def name(self) -> str:
        return "torch::autograd::Error"

    def backward(self, g: Any, *saved: Any) -> Any:
        raise RuntimeError(
            "trying to differentiate twice a function that was marked with @once_differentiable"
        )


def once_differentiable(fn: F) -> F:
    """Decorate a `backward` that is not made of recorded operations: to differentiate it raises.

    Parameters
    ----------
    fn
        The `backward` of a `Function`.

    Returns
    -------
    Callable

    Examples
    --------
    >>> import numpy as np
    >>> import pullback as pb
    >>> class Square(pb.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     @pb.autograd.function.once_differentiable
    ...     def backward(ctx, g):
    ...         return pb.from_numpy(2 * ctx.saved_tensors[0].numpy() * g.numpy())
    >>> x = pb.tensor([3.0], requires_grad=True)
    >>> pb.autograd.grad(Square.apply(x), x)
    (tensor([6.]),)
    """

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        recorded = mode.enabled
        mode.enabled = False
        try:
            outputs = fn(ctx, *args)
        finally:
            mode.enabled = recorded
        edges = tuple([edge(a) for a in args if isinstance(a, Recorded)])
        if not recorded or not any(e is not None for e in edges):
            return outputs
        given = outputs if isinstance(outputs, tuple) else (outputs,)
        return tuple([None if v is None else _guarded(v, edges) for v in given])

    return wrapper  # type: ignore[return-value]


def _guarded(value: Any, edges: tuple[Any, ...]) -> Any:
    out = wrap(Tensor, value._a)
    node = _Twice(edges)
    node.shape, node.dtype = out._a.shape, out._a.dtype
    out._fn, out._r = node, True
    return out


__all__ = ["Function", "FunctionCtx", "once_differentiable"]
