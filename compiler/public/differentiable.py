"""`differentiable`: a function that is called as before, with its derivatives as attributes."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

from ..call.dispatch import Dispatcher
from ..call.doors import foreign
from ..call.signature import Target, target_of
from ..call.specialise import Specialisation
from ..errors import ArgumentError
from .derivative import Derivative, Inspectable, primal_source
from .fallback import Fallback
from .higher import hvp, jvp, vjp
from .jacobian import Hessian, Jacobian
from .pickling import reduced, restore


class Differentiable(Inspectable):
    """The function itself, and `.grad`, `.value_and_grad`, `.vjp`, `.jvp`, `.hvp`, `.jacobian`,
    `.hessian`.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Sequence[int] | None = None,
        argnames: str | Sequence[str] | None = None,
        *,
        has_aux: bool = False,
        fallback: str = "auto",
        memory_limit: int | str | None = None,
        parallel: bool | None = None,
        jit: bool | None = None,
    ) -> None:
        self.primal = f
        self._given = (f, argnums, argnames)
        self._options: dict[str, Any] = {
            "has_aux": has_aux,
            "fallback": fallback,
            "memory_limit": memory_limit,
            "parallel": parallel,
            "jit": jit,
        }
        self._fallback = Fallback(fallback)
        self._target: Target = target_of(f).in_threads(parallel)
        self._method = False
        functools.update_wrapper(
            self, self._target.fn if self._target.before and not self._target.foreign else f, updated=()
        )
        self.__wrapped__ = f

    @property
    def _how(self) -> dict[str, Any]:
        """The options that every derivative has."""
        return {
            "fallback": self._fallback,
            "parallel": self._options["parallel"],
            "jit": self._options["jit"],
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kind = foreign((*args, *kwargs.values()))
        if kind is not None:
            return kind.__pullback_call__(self, args, kwargs)
        return self.primal(*args, **kwargs)

    @property
    def py_func(self) -> types.FunctionType:
        """The plain function, under the name that Numba gives it; functions that call this one are
        inlined from it.
        """
        if self._target.before or self._target.keywords:
            raise AttributeError("py_func")
        return self._target.fn

    @functools.cached_property
    def grad(self) -> Derivative:
        """`pb.grad` of the function."""
        return self._derivative(with_value=False)

    @functools.cached_property
    def value_and_grad(self) -> Derivative:
        """`pb.value_and_grad` of the function."""
        return self._derivative(with_value=True)

    def _derivative(self, *, with_value: bool) -> Derivative:
        made = Derivative(*self._given, with_value=with_value, **self._options)
        made._fallback = self._fallback
        if self._method:
            made.__set_name__(object, "")
        return made

    def vjp(self, *primals: Any) -> tuple[Any, ...]:
        """See `pb.vjp`."""
        return vjp(self.primal, *primals, has_aux=self._options["has_aux"], **self._how)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, ...]:
        """See `pb.jvp`."""
        return jvp(self.primal, primals, tangents, has_aux=self._options["has_aux"], **self._how)

    def hvp(self, primals: Any, vector: Any) -> Any:
        """See `pb.hvp`."""
        return hvp(self.primal, primals, vector, **self._how)

    @functools.cached_property
    def jacobian(self) -> Jacobian:
        """`pb.jacobian` of the function."""
        return Jacobian(*self._given, **self._how)

    @functools.cached_property
    def hessian(self) -> Hessian:
        """`pb.hessian` of the function."""
        return Hessian(*self._given, **self._how)

    # -- inspection is that of the gradient
    def _dispatcher(self) -> Dispatcher:
        gradient: Derivative = self.value_and_grad
        return gradient._dispatcher()

    def _find(self, args: tuple[Any, ...], **kwargs: Any) -> tuple[Specialisation, list[Any]]:
        gradient: Derivative = self.value_and_grad
        return gradient._find(args, **kwargs)

    @property
    def forward_source(self) -> str:
        """The generated file of the function itself, without derivative, for the newest argument types."""
        return primal_source(self._newest())

    # -- methods, pickles, copies
    def __set_name__(self, owner: type, name: str) -> None:
        self._method = True

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        if obj is None:
            return self
        if not isinstance(self.primal, types.FunctionType):
            raise ArgumentError("a differentiable method must be a plain function")
        bound = Differentiable(types.MethodType(self.primal, obj), *self._given[1:], **self._options)
        bound._fallback = self._fallback
        return bound

    def __repr__(self) -> str:
        return f"pullback.differentiable({self._target.fn.__qualname__})"

    def __reduce__(self) -> Any:
        return reduced(self, Differentiable, self._given, {**self._options, "method": self._method})

    def __deepcopy__(self, memo: dict[int, Any]) -> Differentiable:
        f, *rest = self._given
        made: Differentiable = restore(Differentiable, (copy.deepcopy(f, memo), *rest), dict(self._options))
        made._method = self._method
        return made
