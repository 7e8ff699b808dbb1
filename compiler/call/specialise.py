"""One compiled derivative for one key of arguments: from disk or from the compiler, and how it is called."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend.load import load
from ..code import Code, Recipe
from ..errors import ArgumentError, OverlapError, Src, UnsupportedError
from ..ir.types import Array
from ..options import Options
from ..specs import ArraySpec, Length, ParamSpec, ScalarSpec
from . import cache
from .arguments import known_leaves, leaf_specs, spec_of
from .guards import fetcher, fits, unchanged
from .progress import Progress, signature
from .raising import translated
from .signature import Target
from .threads import one_by_one
from .trees import value_maker

if TYPE_CHECKING:
    from ..pipeline import Compiled

COMPILING = threading.RLock()
if hasattr(os, "register_at_fork"):
    # A thread of the parent may have held the lock when this process was forked; it does not exist here.
    os.register_at_fork(after_in_child=lambda: globals().__setitem__("COMPILING", threading.RLock()))


class Specialisation:
    """Compiled code, its guards, and the way from arguments to its parameters."""

    def __init__(
        self,
        target: Target,
        specs: Sequence[ParamSpec],
        code: Code,
        path: Path,
        options: Options,
        compiled: Compiled | None,
    ) -> None:
        self.target = target
        self.specs = tuple(specs)
        self.code = code
        self.path = path
        self.options = options
        self._compiled = compiled
        self.module = load(path, options.jit)
        self.run: Callable[..., Any] = getattr(self.module, code.entry)
        threads = code.recipe.parallel and options.jit
        self.execute = one_by_one(self.run) if threads else self.run
        self.leaf_specs = [
            leaf for s, n in zip(specs, code.param_names, strict=True) for leaf in leaf_specs(s, n)
        ]
        self.arrays = [k for k, leaf in enumerate(self.leaf_specs) if isinstance(leaf.spec, ArraySpec)]
        self._known = known_leaves(specs)
        self.value = value_maker(code.out, code.results)
        self._ran = False
        fn = target.fn
        self.guards = [(fetcher(path_, fn, code.param_names), then) for path_, then in code.guards]
        self.captures = [(c, fetcher(c.path, fn, code.param_names)) for c in code.captures]
        self.writes = bool(code.mutated)
        self.copied = [
            k
            for k in sorted(code.mutated)
            if code.recipe.kind == "value" and isinstance(self._type(k), Array)
        ]

    def _type(self, k: int) -> Any:
        if k < len(self.leaf_specs):
            return self.code.leaves[k]
        spec = self.code.captures[k - len(self.leaf_specs)].spec
        return Array(spec.dtype, spec.rank) if isinstance(spec, ArraySpec) else None

    # -- is it the right one?
    def holds(self, params: Sequence[Any], leaves: Sequence[Any]) -> bool:
        """Whether everything that the compiler read or supposed still is what it was."""
        for fetch, then in self.guards:
            now = fetch(params)
            if now is not then and not unchanged(then, now):
                return False
        if not all(fits(fetch(params), capture.spec) for capture, fetch in self.captures):
            return False
        if self._known is not None:
            leaves = [leaves[k] for k in self._known]
        return all(length.holds(leaves[length.leaf].shape) for length in self.code.lengths)

    # -- calling
    def inputs(self, params: Sequence[Any], leaves: list[Any]) -> list[Any]:
        """The leaves as compiled code takes them, and the captured values."""
        if self._known is not None:
            leaves = [leaves[k] for k in self._known]
        if self.writes:
            self.check_written(params, leaves)
        for k in self.arrays:
            leaf = leaves[k]
            if not leaf.flags.carray or type(leaf) is not np.ndarray:
                leaves[k] = np.array(leaf, order="C")
        for capture, fetch in self.captures:
            leaves.append(capture_value(fetch(params), capture.spec))
        if self.copied:
            for k in self.copied:
                leaves[k] = leaves[k].copy()
        if not self.options.jit:
            self._plain(leaves)
        return leaves

    def _plain(self, leaves: list[Any]) -> None:
        """NumPy scalars divide by zero as compiled code does; Python's own raise."""
        specs = [*(leaf.spec for leaf in self.leaf_specs), *(c.spec for c in self.code.captures)]
        for k, spec in enumerate(specs):
            if isinstance(spec, ScalarSpec):
                leaves[k] = np.dtype(spec.dtype).type(leaves[k])

    def call(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """Run the compiled code: all results in a tuple."""
        try:
            if self.options.jit:
                results = self.execute(*inputs) if self._ran else self._first(inputs)
            else:
                with np.errstate(all="ignore"):
                    results = self.run(*inputs)
        except Exception as error:
            raise self.failure(error, inputs) from None
        if type(results) is tuple:
            return results
        return () if results is None else (results,)

    def result_shapes(self, inputs: Sequence[Any]) -> list[tuple[int, ...]]:
        """The shapes of a primal's results, which has to run for them only where its inputs do not tell."""
        shapes = [tuple([e.of(inputs) for e in s]) for s in self.code.shapes if s is not None]
        if len(shapes) == len(self.code.results) and all(min(s, default=0) >= 0 for s in shapes):
            return shapes
        return [np.shape(result) for result in self.call(inputs)]

    def _first(self, inputs: Sequence[Any]) -> Any:
        """The first call, in which Numba compiles or reads its own cache."""
        known = getattr(self.run, "overloads", {})
        before = len(known)
        what = f"{self.target.name} for {signature(self.leaf_specs)}"
        with Progress(what, lambda: len(known) == before):
            results = self.execute(*inputs)
        self._ran = True
        return results

    def failure(self, error: Exception, inputs: Sequence[Any]) -> BaseException:
        """The exception to raise in place of one that left the compiled code."""
        if self.code.recipe.parallel:
            serial = self._serial_failure(inputs)
            if serial is not None:
                return serial
        return translated(error, self.code, str(self.path), lambda: self._locate(inputs))

    def _serial_failure(self, inputs: Sequence[Any]) -> Exception | None:
        """What the same call raises without threads, from which exceptions do not get out."""
        recipe = replace(self.code.recipe, parallel=False)
        compiled = compiled_for(self.target, self.specs, recipe, self.options, self.code.lengths)
        path = cache.written(compiled.code.text, compiled.code.entry, self.options)
        serial = Specialisation(self.target, self.specs, compiled.code, path, self.options, compiled)
        try:
            serial.call(inputs)
        except Exception as error:
            return error
        return None

    def owned(self, results: Sequence[Any], inputs: Sequence[Any]) -> tuple[Any, ...]:
        """The primal's results; arrays that share memory with an input are copied."""
        taken = list(results[: len(self.code.results)])
        for k, type_ in enumerate(self.code.results):
            if isinstance(type_, Array):
                array = taken[k]
                if any(isinstance(x, np.ndarray) and np.may_share_memory(array, x) for x in inputs):
                    taken[k] = array.copy()
        return tuple(taken)

    def _locate(self, inputs: Sequence[Any]) -> Src | None:
        """The user's line that fails, from a build that keeps track of it."""
        if not self.options.jit:
            return None
        emitted = self.compiled().tracked()
        path = cache.written(emitted.text, f"{self.code.entry}_tracked", self.options)
        run = getattr(load(path, jit=True), self.code.entry)
        at = np.full(1, -1, np.int64)
        try:
            run(*inputs, at)
        except Exception:
            number = int(at[0])
            return emitted.sites[number] if 0 <= number < len(emitted.sites) else None
        return None

    def compiled(self) -> Compiled:
        """All stages of the compilation; made again where the code came from the disk."""
        if self._compiled is None:
            self._compiled = compiled_for(
                self.target, self.specs, self.code.recipe, self.options, self.code.lengths
            )
        return self._compiled

    @property
    def was_loaded(self) -> bool:
        """Whether the code came from the disk cache."""
        return self._compiled is None

    # -- refusals
    def check_written(self, params: Sequence[Any], leaves: Sequence[Any]) -> None:
        """What the function writes must be writeable, and must not be part of anything else."""
        arrays = {k: leaves[k] for k in self.arrays}
        for k, (capture, fetch) in enumerate(self.captures, len(self.leaf_specs)):
            if isinstance(capture.spec, ArraySpec):
                arrays[k] = fetch(params)
        for k in self.code.mutated & arrays.keys():
            if not arrays[k].flags.writeable:
                name = self._name(k)
                raise ArgumentError(
                    f"argument '{name}' is read-only, and {self.target.fn.__qualname__} writes to it",
                    self.target.src,
                    f"pass a copy: {name}.copy()",
                )
            for other, array in arrays.items():
                if (
                    other != k
                    and np.may_share_memory(arrays[k], array)
                    and np.shares_memory(arrays[k], array)
                ):
                    self._refuse_overlap(k, other)

    def _refuse_overlap(self, k: int, other: int) -> None:
        a, b = self._name(k), self._name(other)
        raise OverlapError(
            f"arguments '{a}' and '{b}' share memory, and {self.target.fn.__qualname__} writes to '{a}'",
            self.target.src,
            f"pass a copy of one of them: {b}.copy()",
        )

    def _name(self, k: int) -> str:
        if k < len(self.leaf_specs):
            return self.leaf_specs[k].name
        return str(self.code.captures[k - len(self.leaf_specs)].path[-1][1])


def capture_value(value: Any, spec: ScalarSpec | ArraySpec) -> Any:
    """A captured value as compiled code takes it."""
    if isinstance(spec, ArraySpec) and not (value.flags.carray and type(value) is np.ndarray):
        return np.array(value, order="C")
    return value


def compiled_for(
    target: Target,
    specs: Sequence[ParamSpec],
    recipe: Recipe,
    options: Options,
    lengths: tuple[Length, ...] | None,
    shapes: Sequence[tuple[int, ...] | None] = (),
) -> Compiled:
    """Run the compiler, which is imported only now: code from the disk does without it."""
    from ..pipeline import compile_derivative

    leaves = [leaf for spec in specs for leaf in leaf_specs(spec, "")]
    with Progress(f"{target.name} for {signature(leaves)}"):
        return compile_derivative(target.fn, specs, recipe, options, target.name, lengths, shapes)


def specialise(
    target: Target,
    params: Sequence[Any],
    leaves: Sequence[Any],
    recipe_of: Callable[[Sequence[ParamSpec]], Recipe],
    options: Options,
) -> Specialisation:
    """Find the code for these arguments on the disk, or compile it and keep it there."""
    _refuse_starred(target)
    names = list(target.signature.parameters)
    specs = [spec_of(value, name) for value, name in zip(params, names, strict=True)]
    recipe = recipe_of(specs)
    known = known_leaves(specs)
    shapes = [getattr(leaves[k], "shape", None) for k in (range(len(leaves)) if known is None else known)]
    key = cache.key_of(target.fn, specs, recipe, options) if options.cache else None
    if key is not None:
        found = cache.load(key, target.fn, params, shapes, recipe, options)
        if found is not None:
            return Specialisation(target, specs, *found, options, None)
    compiled = compiled_for(target, specs, recipe, options, None, shapes)
    path = cache.written(compiled.code.text, compiled.code.entry, options)
    made = Specialisation(target, specs, compiled.code, path, options, compiled)
    if not made.holds(params, leaves):
        broken = next(
            (
                p
                for p, then in compiled.code.guards
                if not unchanged(then, fetcher(p, target.fn, names)(params))
            ),
            (),
        )
        raise UnsupportedError(f"a value that the function reads cannot be found again: {broken}", target.src)
    if key is not None:
        cache.store(key, compiled.code, target.fn, path, options)
    return made


def _refuse_starred(target: Target) -> None:
    what = f"{target.fn.__qualname__} takes"
    for param in target.signature.parameters.values():
        if param.kind in (param.VAR_POSITIONAL, param.VAR_KEYWORD):
            stars = "*" if param.kind is param.VAR_POSITIONAL else "**"
            raise UnsupportedError(
                f"{what} {stars}{param.name}: a differentiated function has named arguments",
                target.src,
                "write the arguments out, or pass a tuple or a dict",
            )
