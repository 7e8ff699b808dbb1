"""Calls of modules that have hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tape.mode import mode
from ..tape.node import Node, Recorded, wrap
from ..tape.record import record_many, requires
from ..tape.views import shown
from ..tensor.tensor import Tensor

_HANDED = (
    "Output 0 of BackwardHookFunctionBackward is a view and is being modified inplace. This view was created "
    "by a full backward hook of a module; please clone() it before, or do not use modules with inplace=True "
    "next to such hooks."
)


def call(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with the hooks of the module.

    Raises
    ------
    RuntimeError
        If a hook gives what it may not.
    """
    hooks = module.__dict__["_hooks"]
    for hook, with_kwargs in list(hooks.get("before", ())):
        args, kwargs = _before(hook, with_kwargs, module, args, kwargs)
    backward = [hook for (hook,) in hooks.get("backward", ())]
    backward_before = [hook for (hook,) in hooks.get("backward_before", ())]
    watched = mode.enabled and (backward or backward_before)
    watch = _Watch(module, backward, backward_before) if watched else None
    if watch:
        args = watch.inputs(args)
    try:
        result = module.forward(*args, **kwargs)
    except BaseException:
        for hook, with_kwargs, always in list(hooks.get("after", ())):
            if always:
                _after(hook, with_kwargs, module, args, kwargs, None)
        raise
    for hook, with_kwargs, _ in list(hooks.get("after", ())):
        given = _after(hook, with_kwargs, module, args, kwargs, result)
        result = result if given is None else given
    return watch.outputs(result) if watch else result


def _before(
    hook: Callable[..., Any], with_kwargs: bool, module: Any, args: Any, kwargs: Any
) -> tuple[Any, Any]:
    """The arguments that a pre-hook leaves to `forward`."""
    given = hook(module, args, kwargs) if with_kwargs else hook(module, args)
    if given is None:
        return args, kwargs
    if not with_kwargs:
        return given if isinstance(given, tuple) else (given,), kwargs
    if not (isinstance(given, tuple) and len(given) == 2):
        raise RuntimeError(
            f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {given}."
        )
    return given


def _after(
    hook: Callable[..., Any], with_kwargs: bool, module: Any, args: Any, kwargs: Any, result: Any
) -> Any:
    return hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)


class BackwardHookFunctionBackward(Node):
    """Hands tensors through on both ways; `static` is called with their cotangents."""

    __slots__ = ()

    def backward(self, g: Any) -> Any:
        return self.static(g if isinstance(g, list) else [g])


def _same(value: Any) -> Any:
    return value


class _Watch:
    """The cotangents of a module's inputs and outputs, for its backward hooks."""

    def __init__(self, module: Any, hooks: list[Any], before: list[Any]) -> None:
        self.module, self.hooks, self.before = module, hooks, before
        self.grad_output: Any = None
        self.reaches_inputs = False
        self.count = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments, handed through a node that tells when their cotangents are known."""
        self.reaches_inputs, self.count = any(requires(a) for a in args), len(args)
        return self._through(args, self._inputs_known) if self.hooks else args

    def outputs(self, result: Any) -> Any:
        """The results, handed through a node that tells when their cotangents are known."""
        if isinstance(result, Recorded):
            return self._through((result,), self._outputs_known)[0]
        if isinstance(result, (tuple, list)):
            handed = self._through(tuple(result), self._outputs_known)
            return type(result)(*handed) if hasattr(result, "_fields") else type(result)(handed)
        return result

    def _through(self, values: tuple[Any, ...], known: Any) -> tuple[Any, ...]:
        places = [i for i, v in enumerate(values) if isinstance(v, Recorded)]
        tensors = tuple(values[i] for i in places)
        if not any(requires(t) for t in tensors):
            return values

        def pass_on(cotangents: list[Any]) -> tuple[Any, ...]:
            whole: list[Any] = [None] * len(values)
            for i, g in zip(places, cotangents, strict=True):
                whole[i] = g
            changed = known(tuple(whole))
            return tuple(changed[i] for i in places)

        outs = record_many(BackwardHookFunctionBackward, tuple(t._a for t in tensors), tensors, None, pass_on)
        handed = list(values)
        for i, tensor, out in zip(places, tensors, outs, strict=True):
            shown(out, tensor, _same, (), _HANDED)
            handed[i] = out if requires(tensor) else tensor
        return tuple(handed)

    def _outputs_known(self, cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.before:
            cotangents = _replaced(cotangents, hook(self.module, _shown(cotangents)))
        self.grad_output = _shown(cotangents)
        if not self.reaches_inputs:
            self._without_inputs()
        return cotangents

    def _without_inputs(self) -> None:
        """Call the hooks of a module none of whose inputs gets a cotangent."""
        for hook in self.hooks:
            given = hook(self.module, (None,) * self.count, self.grad_output)
            if given is not None and not (isinstance(given, tuple) and all(g is None for g in given)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None "
                    "or None for all gradients."
                )

    def _inputs_known(self, cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks:
            cotangents = _replaced(cotangents, hook(self.module, _shown(cotangents), self.grad_output))
        return cotangents


def _shown(cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Cotangents as tensors."""
    return tuple(g if g is None or isinstance(g, Recorded) else wrap(Tensor, g) for g in cotangents)


def _replaced(cotangents: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
    """What a hook gave, as the cotangents were: arrays or tensors.

    Raises
    ------
    RuntimeError
        If there are more or fewer.
    """
    if given is None:
        return cotangents
    given = given if isinstance(given, tuple) else (given,)
    if len(given) != len(cotangents):
        raise RuntimeError(
            f"Backward hook returned an invalid number of grad_input, got {len(given)}, but expected "
            f"{len(cotangents)}"
        )
    return tuple(
        new if new is None or isinstance(old, Recorded) else new._a
        for old, new in zip(cotangents, given, strict=True)
    )
