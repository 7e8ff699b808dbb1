"""`grad` and `value_and_grad` objects: callable, with everything that was generated open to inspection."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..call import doors
from ..call.arguments import part, spec_of
from ..call.buffers import buffers, inputs_by_name, refuse_overlap, woven
from ..call.dispatch import Dispatcher, Places, dispatcher
from ..call.quick import MISS, Quick, missing, quick_call, unsuited
from ..call.signature import Argnums, Target, target_of
from ..call.specialise import Specialisation, compiled_for
from ..call.trees import gradient_maker
from ..code import Recipe
from ..errors import ArgumentError, TypeMismatchError, UnsupportedError
from ..options import byte_count
from ..specs import ArraySpec, KnownSpec, ParamSpec, ScalarSpec
from .fallback import chosen
from .pickling import reduced, restore
from .verifying import check_first, copied_into, float_parts

MAX_QUICK = 16  # fast paths that a derivative keeps


class Inspectable:
    """What `Derivative` and `Differentiable` tell about their compiled code."""

    _target: Target

    def _dispatcher(self) -> Dispatcher:
        raise NotImplementedError

    def _newest(self) -> Specialisation:
        found = self._dispatcher().newest
        if found is None:
            raise ArgumentError(
                f"{self!r} has not been compiled yet", hint="call it once, or call .compile(*arguments) first"
            )
        return found

    @property
    def backward_source(self) -> str:
        """The generated file: value and gradient as Python code. It is what runs."""
        return self._newest().code.text

    @property
    def source_path(self) -> Path:
        """Where the generated file lies."""
        return self._newest().path

    @property
    def signatures(self) -> list[str]:
        """The argument types that code was generated for."""
        return [signature_text(s) for s in self._dispatcher().all]

    @property
    def dispatcher(self) -> Callable[..., Any]:
        """The newest Numba function, to be called from code under `@njit`.

        It takes the leaves of the arguments one by one, then captured values, and returns the value and the
        gradients.
        """
        return self._newest().run

    def dispatcher_for(self, *args: Any) -> Callable[..., Any]:
        """The Numba function for example arguments."""
        return self._find(args)[0].run

    def _find(self, args: tuple[Any, ...]) -> tuple[Specialisation, list[Any]]:
        raise NotImplementedError

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        """Generate the code for arguments like these, without calling it; gives the object itself."""
        self._find(args, **kwargs)
        return self

    def ir(self, stage: str = "final") -> str:
        """The IR of a stage as text: "lowered", "optimised", "adjoint", "tangent" or "final"."""
        from ..ir.text import show

        stages = self._newest().compiled().stages
        if stage not in stages:
            raise ArgumentError(f"there is no stage {stage!r}", hint=f"choose from {', '.join(stages)}")
        return show(stages[stage])

    def explain(self) -> str:
        """Per argument: active or not, and why. Per loop: its plan, what is saved and why, the size of
        the tape.
        """
        from .explain import explained

        return explained(self._newest())


class _Taped(NamedTuple):
    """What a call gave that ran on the tape."""

    answer: Any


class Derivative(Inspectable):
    """The gradient of a function, compiled for each new combination of argument types.

    Parameters
    ----------
    f
        The function.
    argnums, argnames
        Which arguments to differentiate, by number or by name.
    with_value
        Whether a call gives (value, gradient) rather than the gradient.
    has_aux
        Whether the function returns (value, auxiliary data).
    fallback
        "auto" runs a function that cannot be compiled on the tape, with a warning; "error" refuses it; "tape"
        runs every function there.
    memory_limit
        What saved values may take: bytes, or a text such as "200MB".
    parallel
        Whether independent iterations of loops run in threads; None asks Numba's dispatcher.
    jit
        Overrides PULLBACK_JIT.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        argnums: int | Sequence[int] | None = None,
        argnames: str | Sequence[str] | None = None,
        *,
        with_value: bool = False,
        has_aux: bool = False,
        fallback: str = "auto",
        memory_limit: int | str | None = None,
        parallel: bool | None = None,
        jit: bool | None = None,
    ) -> None:
        self._fallback = chosen(fallback, f)
        self._given = (f, argnums, argnames)
        self._memory_limit = byte_count(memory_limit)
        self._options = {
            "with_value": with_value,
            "has_aux": has_aux,
            "fallback": fallback,
            "memory_limit": memory_limit,
            "parallel": parallel,
            "jit": jit,
        }
        inner: Derivative | None = f if isinstance(f, Derivative) else None
        if inner is not None and (
            inner._options["with_value"] or inner._options["has_aux"] or not inner._argnums.single
        ):
            raise TypeMismatchError(
                f"a gradient needs a function that returns one number, and {inner!r} returns a tuple",
                hint="differentiate pb.grad of one argument",
            )
        self._inner = inner
        target = inner._target if inner is not None else target_of(f)
        self._target: Target = target.in_threads(parallel)
        self._method = False
        self._argnums: Argnums = self._target.resolve(argnums, argnames)
        self._with_value, self._has_aux, self._jit = with_value, has_aux, jit
        self._plain = self._target.simple if not self._target.before else -1
        self._forget()
        wrapped = self._target.fn if self._target.before and not self._target.foreign else f
        functools.update_wrapper(self, wrapped, updated=())
        self.__wrapped__ = f

    def _forget(self) -> None:
        """Drop what is kept of earlier calls."""
        self._kept: Dispatcher | None = None
        self._writer: Dispatcher | None = None
        self._quick: Quick = missing
        self._used: dict[Specialisation, Quick] = {}

    # -- being called
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        params = args if not kwargs and len(args) == self._plain else self._target.bind(args, kwargs)
        answer = self._quick(params)
        return answer if answer is not MISS else self._long_way(params, args, kwargs)

    def _long_way(self, params: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call whose arguments are not those of the last one; a specialisation that is found twice becomes
        the fast path.
        """
        fallback = self._fallback
        kind = None if fallback.always else doors.foreign(params)
        if kind is not None:
            return kind.__pullback_call__(self, args, kwargs)
        made = fallback.run(
            self._target,
            lambda: (self._kept or self._dispatcher()).search(params),
            lambda tape: self._taped(tape, params),
        )
        if isinstance(made, _Taped):
            return made.answer
        found, inputs = made
        answer = self._answer(found, inputs, params)
        quick = self._used.get(found)
        if quick is not None:
            self._quick = quick if quick is not missing else self._fast_path(found)
            self._used[found] = self._quick
        elif len(self._used) < MAX_QUICK:
            self._used[found] = missing
        return answer

    def _answer(self, found: Specialisation, inputs: list[Any], params: tuple[Any, ...]) -> Any:
        if self._inner is not None:
            return self._call_higher(found, inputs, params)
        results = found.call(inputs)
        if found.options.check and not hasattr(found, "checked"):
            check_first(self, found, params, results)
        return self._assembled(found, results, iter(results[len(found.code.results) :]), inputs)

    def _assembled(
        self, found: Specialisation, results: Sequence[Any], leaves: Iterator[Any], inputs: Sequence[Any]
    ) -> Any:
        """What a call returns, from the results of compiled code and the gradients of the leaves."""
        makers = self._gradient_makers(found)
        gradients = makers[0](leaves) if self._argnums.single else tuple([make(leaves) for make in makers])
        if not (self._with_value or self._has_aux):
            return gradients
        value = found.value(found.owned(results, inputs))
        if self._with_value:
            return value, gradients
        return gradients, value[1]

    def _fast_path(self, found: Specialisation) -> Quick:
        directions = [found.leaf_specs[k].spec for step in found.code.recipe.along for k in step]
        if any(isinstance(spec, ArraySpec) for spec in directions) or (directions and self._with_value):
            return unsuited
        return quick_call(
            found,
            [part(found.specs, place) for place in self._places(self._argnums)],
            single=self._argnums.single,
            with_value=self._with_value,
            has_aux=self._has_aux,
            extra=[_one(spec) for spec in directions],
        )

    def into(self, out: Any, /, *args: Any, **kwargs: Any) -> Any:
        """As a call, but the gradients that are arrays are written into arrays of the caller.

        Large gradients are faster so, when a loop passes the same arrays again and again: fresh memory costs
        more than the arithmetic of a simple gradient.

        Parameters
        ----------
        out
            What the gradient is written to, in the structure of the gradient: an array for an array, a
            tuple for several arguments, a dict for a dict. Shape and dtype must be those of the gradient,
            the memory contiguous in C order. None stands for a number, and for an array that is to be made.
        *args, **kwargs
            The arguments of the function.

        Returns
        -------
        What a call returns, with the arrays of `out` in it. Their contents are undefined after an error.

        Raises
        ------
        ArgumentError
            `out` does not have the structure of the gradient, or an array of it does not fit.
        OverlapError
            An array of `out` shares memory with an argument, or with another one.

        Examples
        --------
        >>> f = pb.value_and_grad(lambda x: np.sum(x**2))
        >>> x, g = np.array([1.0, 2.0]), np.empty(2)
        >>> f.into(g, x)
        (5.0, array([2., 4.]))
        >>> g
        array([2., 4.])
        """
        if self._inner is not None:
            raise UnsupportedError(
                f"{self!r} is a derivative of a derivative, which has no `into`", hint="call it, and copy"
            )
        params = self._target.bind(args, kwargs)
        made = self._fallback.run(
            self._target,
            lambda: self._written(out, params),
            lambda tape: self._taped(tape, params, self._taped_buffers(out, params)),
        )
        return made.answer if isinstance(made, _Taped) else made

    def _written(self, out: Any, params: tuple[Any, ...]) -> Any:
        """What `into` gives by compiled code."""
        if self._writer is None:
            places = self._places(self._argnums)
            self._writer = dispatcher(
                self._target,
                "gradient",
                places,
                has_aux=self._has_aux,
                into=True,
                memory_limit=self._memory_limit,
                jit=self._jit,
            )
        found, inputs = self._writer.find(params)
        outs = self._buffers(found.specs, out, params)
        refuse_overlap(self._target, outs, inputs_by_name(found, inputs))
        results = found.call([*inputs, *outs])
        leaves = woven(found, outs, results[len(found.code.results) :])
        return self._assembled(found, results, leaves, [*inputs, *outs])

    def _taped_buffers(self, out: Any, params: tuple[Any, ...]) -> list[Any]:
        """The arrays of `out` for a run on the tape, which takes arguments that nothing is known of."""
        named = list(zip(self._target.signature.parameters, params, strict=True))
        wanted = {param for param, _ in self._places(self._argnums)}
        specs = [spec_of(p, n) if k in wanted else KnownSpec(None) for k, (n, p) in enumerate(named)]
        outs = self._buffers(specs, out, params)
        refuse_overlap(self._target, outs, [(n, part) for n, p in named for part in float_parts(p)])
        return outs

    def _buffers(self, specs: Sequence[ParamSpec], out: Any, params: tuple[Any, ...]) -> list[Any]:
        places, names = self._places(self._argnums), list(self._target.signature.parameters)
        given = [out] if self._argnums.single else out
        if given is None:
            given = [None] * len(places)
        if not isinstance(given, list | tuple) or len(given) != len(places):
            raise ArgumentError(f"out must be a tuple of {len(places)}, one for each differentiated argument")
        found: list[Any] = []
        for (param, item), one in zip(places, given, strict=True):
            value = params[param] if item is None else params[param][item]
            found += buffers(part(specs, (param, item)), value, one, f"out for '{names[param]}'")
        return found

    def _taped(self, tape: Any, params: tuple[Any, ...], outs: Sequence[Any] = ()) -> _Taped:
        """What a call gives, computed on the tape; arrays of the gradient are written into `outs`."""
        chain = [self._places(argnums) for argnums in self._chain()]
        value, gradients = tape.gradients(self._target, params, chain, self._has_aux)
        if outs:
            gradients = copied_into(gradients, outs)
        answer = gradients[0] if self._argnums.single else tuple(gradients)
        if self._with_value:
            return _Taped((value, answer))
        return _Taped((answer, value[1]) if self._has_aux else answer)

    def _gradient_makers(self, found: Specialisation) -> list[Callable[..., Any]]:
        return [gradient_maker(part(found.specs, place)) for place in self._places(self._argnums)]

    def _places(self, argnums: Argnums) -> Places:
        return tuple(self._target.place(k) for k in argnums.numbers)

    def _dispatcher(self) -> Dispatcher:
        if self._kept is None:
            chain = self._chain()
            wrt = self._places(chain[-1])
            along = tuple(self._places(a) for a in chain[:-1])
            kind = "hvp" if along else "gradient"
            self._kept = dispatcher(
                self._target,
                kind,
                wrt,
                along,
                has_aux=self._has_aux,
                memory_limit=self._memory_limit,
                jit=self._jit,
            )
        return self._kept

    def _find(self, args: tuple[Any, ...], **kwargs: Any) -> tuple[Specialisation, list[Any]]:
        return self._dispatcher().find(self._target.bind(args, kwargs))

    # -- derivatives of derivatives
    def _chain(self) -> tuple[Argnums, ...]:
        """Argument numbers of the innermost derivative first."""
        return (*(self._inner._chain() if self._inner is not None else ()), self._argnums)

    def _call_higher(self, found: Specialisation, inputs: list[Any], params: tuple[Any, ...]) -> Any:
        """∂/∂outer (∂f/∂inner) = the tangent of ∂f/∂outer along inner = 1, since mixed derivatives are
        symmetric.
        """
        chain = self._chain()
        for argnums in chain[:-1]:
            spec = part(found.specs, self._places(argnums)[0])
            if not isinstance(spec, ScalarSpec) and not (isinstance(spec, ArraySpec) and spec.rank == 0):
                raise TypeMismatchError(
                    f"a gradient needs a function that returns one number, and {self._inner!r} returns "
                    "the gradient of an array or container",
                    hint="use pb.hessian or pb.hvp of the function itself",
                )
        directions = [found.leaf_specs[k] for step in found.code.recipe.along for k in step]
        ones = [_one(leaf.spec) for leaf in directions]
        results = found.call([*inputs, *ones])
        leaves = iter(results[len(results) - len(found.code.recipe.wrt) :])
        makers = self._gradient_makers(found)
        gradients = makers[0](leaves) if self._argnums.single else tuple([make(leaves) for make in makers])
        if not self._with_value:
            return gradients
        args = params[len(self._target.before) :]
        assert self._inner is not None
        return self._inner._of_params(
            params if not self._target.before else self._target.before + args
        ), gradients

    def _of_params(self, params: tuple[Any, ...]) -> Any:
        clone = copy.copy(self)
        clone._target, clone._plain = Target(self._target.fn), -1
        clone._forget()
        shift = len(self._target.before)
        clone._argnums = Argnums(tuple(k + shift for k in self._argnums.numbers), self._argnums.single)
        return clone(*params)

    # -- as a decorator of a method: argument numbers do not count self
    def __set_name__(self, owner: type, name: str) -> None:
        if not self._method and not self._target.before:
            self._method = True
            shifted = (
                tuple(k + 1 for k in self._argnums.numbers)
                if self._given[2] is None
                else self._argnums.numbers
            )
            shown = self._target.visible
            count = len(shown.parameters)
            if any(k >= count for k in shifted) and self._target.simple >= 0:
                raise ArgumentError(
                    f"argnums={self._given[1]}: {self._target.fn.__qualname__}{shown} is a method",
                    hint="argument numbers of a method do not count self",
                )
            self._argnums = Argnums(shifted, self._argnums.single)
            self._forget()

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        return self if obj is None else types.MethodType(self, obj)

    # -- inspection
    @functools.cached_property
    def _primal(self) -> Dispatcher:
        return dispatcher(self._target, "value", (), jit=self._jit)

    @property
    def forward_source(self) -> str:
        """The generated file of the function itself, without derivative, for the newest argument types."""
        found = self._newest()
        return primal_source(found)

    def __repr__(self) -> str:
        word = "value_and_grad" if self._with_value else "grad"
        inner = repr(self._inner) if self._inner is not None else self._target.fn.__qualname__
        return f"pullback.{word}({inner}, argnums={self._given[1] if self._given[1] is not None else 0})"

    # -- copies and pickles go by the function
    def __reduce__(self) -> Any:
        return reduced(self, Derivative, self._given, {**self._options, "method": self._method})

    def __copy__(self) -> Derivative:
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        made._forget()
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Derivative:
        f, *rest = self._given
        made: Derivative = restore(
            Derivative, (copy.deepcopy(f, memo), *rest), {**self._options, "method": self._method}
        )
        return made


def _one(spec: ScalarSpec | ArraySpec) -> Any:
    return np.ones((), spec.dtype) if isinstance(spec, ArraySpec) else np.dtype(spec.dtype).type(1)


def primal_source(found: Specialisation) -> str:
    """The generated text of the primal for the argument types of a specialisation."""
    lengths = found.code.lengths
    return compiled_for(found.target, found.specs, Recipe("value"), found.options, lengths).code.text


def signature_text(found: Specialisation) -> str:
    """(w: float64[:], n: int64)."""
    shown = []
    for leaf in found.leaf_specs:
        rank = leaf.spec.rank if isinstance(leaf.spec, ArraySpec) else -1
        shown.append(f"{leaf.name}: {leaf.spec.dtype}" + ("" if rank < 0 else f"[{', '.join(':' * rank)}]"))
    return f"({', '.join(shown)})"
