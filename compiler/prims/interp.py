"""Run the IR on NumPy, slowly: the oracle of every test.

Scalars are NumPy scalars of exactly the IR's dtype, arrays `np.ndarray` references, lists Python lists.
Memory of an "empty" Alloc is filled with NaN, or with a junk integer, so that a read of unwritten memory
shows.

With `complex_step` every real number is computed as a complex one (complex128): the imaginary part carries a
directional derivative, so that `run(m, [x + 1e-30j], complex_step=True)[0].imag / 1e-30` is a derivative that
no rule of ours has touched.
"""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import NOWHERE, InternalError
from ..ir import nodes
from ..ir.nodes import Function, Module, Op, Region, Value
from ..ir.types import Array, List, Scalar, Type, is_float
from .analytic import analytic_call, analytic_cast, analytic_prim
from .prim import PRIMS, Prim

JUNK = 0x5A5A
Env = dict[Value, Any]


def run(
    module: Module | Function,
    args: Sequence[Any],
    out: Callable[[str], None] | None = None,
    *,
    complex_step: bool = False,
    prims: dict[str, Prim] | None = None,
    calls: dict[str, Any] | None = None,
) -> tuple[Any, ...]:
    """Run the entry function of a module and give its results.

    Parameters
    ----------
    module
        What to run. A function that calls no other may stand alone.
    args
        Numbers, arrays and lists, one per parameter. Arrays are passed by reference and must have the dtype
        of the parameter; under `complex_step` arrays that are not complex yet are replaced by complex copies.
    out
        Receives each printed text with its line end; by default it goes to the standard output.
    complex_step
        Compute in complex128 what the IR says is real.
    prims, calls
        The tables of primitives and library calls; by default the registry.
    """
    if isinstance(module, Function):
        module = Module(module)
    if prims is None:
        importlib.import_module(".registry", __package__)
        prims = PRIMS
    if calls is None:
        calls = _calls()
    machine = _Machine(module, prims, calls, out or _print, complex_step)
    entry = module.entry
    if len(args) != len(entry.params):
        raise TypeError(f"{entry.name} takes {len(entry.params)} arguments, not {len(args)}")
    with np.errstate(all="ignore"):
        return machine.call(
            entry, [machine.incoming(a, p.type) for a, p in zip(args, entry.params, strict=True)]
        )


def _calls() -> dict[str, Any]:
    table: dict[str, Any] = importlib.import_module(".calls", __package__).CALLS
    return table


def _print(text: str) -> None:
    print(text, end="")


class _Machine:
    """The tables, the mode, and one method per kind of op."""

    def __init__(
        self,
        module: Module,
        prims: dict[str, Prim],
        calls: dict[str, Any],
        out: Callable[[str], None],
        complex_step: bool,
    ) -> None:
        self.module = module
        self.prims = prims
        self.calls = calls
        self.print = out
        self.complex_step = complex_step

    # -- representation
    def held(self, dtype: str) -> np.dtype[Any]:
        """The NumPy dtype that stands for a dtype of the IR."""
        return np.dtype("complex128" if self.complex_step and is_float(dtype) else dtype)

    def incoming(self, value: Any, type_: Type) -> Any:
        """An argument as the machine holds it."""
        if isinstance(type_, List):
            if not self.complex_step:
                return value
            return [self.incoming(v, type_.elem) for v in value]
        held = self.held(type_.dtype)
        if isinstance(type_, Scalar):
            return held.type(value)
        if not isinstance(value, np.ndarray) or value.ndim != type_.rank:
            raise TypeError(f"expected an array of rank {type_.rank}, got {value!r}")
        if value.dtype == held:
            return value
        if self.complex_step and held.kind == "c":
            return value.astype(held)
        raise TypeError(f"expected an array of {held}, got {value.dtype}")

    def junk(self, type_: Type) -> Any:
        """A value of a type that nobody should read."""
        if isinstance(type_, List):
            return []
        held = self.held(type_.dtype)
        if isinstance(type_, Array):
            return np.empty((0,) * type_.rank, held)
        return _filled((), held)[()]

    # -- functions and regions
    def call(self, function: Function, args: Sequence[Any]) -> tuple[Any, ...]:
        """Run a function on values as the machine holds them."""
        env: Env = {}
        return self.region(function.body, args, env)

    def region(self, region: Region, args: Sequence[Any], env: Env) -> tuple[Any, ...]:
        """Run a region and give its yields."""
        env.update(zip(region.params, args, strict=True))
        for op in region.ops:
            self.op(op, env)
        return tuple(env[v] for v in region.yields)

    def op(self, op: Op, env: Env) -> None:
        """Run one op."""
        if isinstance(op, nodes.If):
            results = self.region(op.then if env[op.cond] else op.orelse, (), env)
        elif isinstance(op, nodes.For):
            results = self.for_loop(op, env)
        elif isinstance(op, nodes.While):
            results = self.while_loop(op, env)
        else:
            args = [env[a] for a in op.args]
            results = _SIMPLE[type(op)](self, op, *args)
        env.update(zip(op.outs, results, strict=True))

    def for_loop(self, op: nodes.For, env: Env) -> tuple[Any, ...]:
        """Run a counted loop."""
        carried = tuple(env[v] for v in op.inits)
        trips = 0
        for i in range(int(env[op.lo]), int(env[op.hi]), int(env[op.step])):
            results = self.region(op.body, (np.int64(i), *carried), env)
            trips += 1
            carried = results[1:] if op.stops else results
            if op.stops and results[0]:
                break
        return (*carried, np.int64(trips)) if op.counted else carried

    def while_loop(self, op: nodes.While, env: Env) -> tuple[Any, ...]:
        """Run a while loop."""
        carried = tuple(env[v] for v in op.inits)
        trips = 0
        while self.region(op.cond, carried, env)[0]:
            carried = self.region(op.body, carried, env)
            trips += 1
        return (*carried, np.int64(trips)) if op.counted else carried

    # -- scalars
    def const(self, op: nodes.Const) -> tuple[Any, ...]:
        return (self.held(op.out.dtype).type(op.value),)

    def undef(self, op: nodes.Undef) -> tuple[Any, ...]:
        return (self.junk(op.out.type),)

    def apply(self, op: nodes.Apply, *args: Any) -> tuple[Any, ...]:
        dtypes = [a.dtype for a in op.args]
        result: Any
        if op.prim == "cast":
            result = analytic_cast(args[0], dtypes[0], op.out.dtype) if self.complex_step else args[0]
        elif op.prim not in self.prims:
            raise InternalError(f"no primitive {op.prim}", op.src)
        elif self.complex_step and any(is_float(d) for d in dtypes):
            result = analytic_prim(self.prims[op.prim], args)
        else:
            result = self.prims[op.prim].ref(*args)
        return (_as_scalar(result, self.held(op.out.dtype)),)

    # -- arrays
    def alloc(self, op: nodes.Alloc, *shape: Any) -> tuple[Any, ...]:
        lengths, held = tuple(int(n) for n in shape), self.held(op.out.dtype)
        return (np.zeros(lengths, held) if op.fill == "zeros" else _filled(lengths, held),)

    def load(self, op: nodes.Load, array: Any, *index: Any) -> tuple[Any, ...]:
        return (array[index],)

    def store(self, op: nodes.Store, array: Any, *rest: Any) -> tuple[Any, ...]:
        *index, value = rest
        if op.accumulate:
            array[tuple(index)] += value
        else:
            array[tuple(index)] = value
        return ()

    def view(self, op: nodes.View, array: Any, *operands: Any) -> tuple[Any, ...]:
        if op.kind == "transpose":
            return (array.transpose(op.spec),)
        if op.kind == "slice":
            return (array[_index_of(op.spec, operands)],)
        result = array.reshape(tuple(int(n) for n in operands))
        if array.size and not np.may_share_memory(result, array):
            raise InternalError("a reshape view of an array that is not contiguous", op.src)
        return (result,)

    def dim(self, op: nodes.Dim, array: Any) -> tuple[Any, ...]:
        return (np.int64(array.shape[op.axis]),)

    # -- calls
    def library_call(self, op: nodes.Call, *args: Any) -> tuple[Any, ...]:
        if op.name not in self.calls:
            raise InternalError(f"no library call {op.name}", op.src)
        ref = self.calls[op.name].ref
        if self.complex_step and any(is_float(a.dtype) for a in op.args):
            ref = analytic_call(op.name, ref)
        results = ref(*args, *op.attrs[1:])
        results = results if len(op.outs) > 1 else (results,)
        return tuple(self.fresh(r, o) for r, o in zip(results, op.outs, strict=True))

    def fresh(self, result: Any, out: Value) -> Any:
        """A call's result with the dtype that the IR states."""
        held = self.held(out.dtype)
        if isinstance(out.type, Scalar):
            return _as_scalar(result, held)
        return np.array(result, held)

    def call_fn(self, op: nodes.CallFn, *args: Any) -> tuple[Any, ...]:
        return self.call(self.module[op.name], args)

    def attempt(self, op: nodes.Attempt, *args: Any) -> tuple[Any, ...]:
        try:
            self.call(self.module[op.name], args)
        except Exception:
            return (np.bool_(True),)
        return (np.bool_(False),)

    # -- lists
    def list_new(self, op: nodes.ListNew) -> tuple[Any, ...]:
        return ([],)

    def push(self, op: nodes.Push, items: Any, value: Any) -> tuple[Any, ...]:
        items.append(value)
        return ()

    def pop(self, op: nodes.Pop, items: Any) -> tuple[Any, ...]:
        return (items.pop(),)

    def list_get(self, op: nodes.ListGet, items: Any, index: Any) -> tuple[Any, ...]:
        return (self.element(op, items[int(index)]),)

    def element(self, op: nodes.Op, value: Any) -> Any:
        """An element of a list that a caller made may be a plain Python number."""
        return self.held(op.out.dtype).type(value) if isinstance(op.out.type, Scalar) else value

    def list_set(self, op: nodes.ListSet, items: Any, index: Any, value: Any) -> tuple[Any, ...]:
        items[int(index)] = value
        return ()

    def list_len(self, op: nodes.ListLen, items: Any) -> tuple[Any, ...]:
        return (np.int64(len(items)),)

    # -- effects
    def check(self, op: nodes.Check, cond: Any, *values: Any) -> tuple[Any, ...]:
        if cond:
            return ()
        name, template = op.attrs
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            kind = RuntimeError
        message = template.format(*values)
        raise kind(message if op.src is NOWHERE else f"{op.src}: {message}")

    def show(self, op: nodes.Print, *values: Any) -> tuple[Any, ...]:
        template, end = op.attrs
        self.print(template.format(*values) + end)
        return ()


_SIMPLE: dict[type[Op], Callable[..., tuple[Any, ...]]] = {
    nodes.Const: _Machine.const,
    nodes.Undef: _Machine.undef,
    nodes.Apply: _Machine.apply,
    nodes.Alloc: _Machine.alloc,
    nodes.Load: _Machine.load,
    nodes.Store: _Machine.store,
    nodes.View: _Machine.view,
    nodes.Dim: _Machine.dim,
    nodes.Call: _Machine.library_call,
    nodes.CallFn: _Machine.call_fn,
    nodes.Attempt: _Machine.attempt,
    nodes.ListNew: _Machine.list_new,
    nodes.Push: _Machine.push,
    nodes.Pop: _Machine.pop,
    nodes.ListGet: _Machine.list_get,
    nodes.ListSet: _Machine.list_set,
    nodes.ListLen: _Machine.list_len,
    nodes.Check: _Machine.check,
    nodes.Print: _Machine.show,
}


def _filled(shape: tuple[int, ...], held: np.dtype[Any]) -> Any:
    """An array of what nobody should read."""
    if held.kind == "c":
        return np.full(shape, complex(np.nan, np.nan), held)
    if held.kind == "f":
        return np.full(shape, np.nan, held)
    return np.full(shape, JUNK, "int64").astype(held)


def _as_scalar(result: Any, held: np.dtype[Any]) -> Any:
    """A number converted to a dtype: truncated for integers, the real part for real dtypes."""
    number = np.asarray(result)
    if number.dtype.kind == "c" and held.kind not in "cb":
        number = number.real
    return number.astype(held)[()]


def _index_of(spec: Sequence[str], operands: Sequence[Any]) -> tuple[Any, ...]:
    """The NumPy index that a slice view means."""
    rest = iter(operands)
    index: list[Any] = []
    for entry in spec:
        if entry == "i":
            index.append(int(next(rest)))
        elif entry == "s":
            start, stop, step = int(next(rest)), int(next(rest)), int(next(rest))
            index.append(slice(start, None if step < 0 and stop < 0 else stop, step))
        else:
            index.append(None if entry == "n" else slice(None))
    # The ellipsis keeps a result of rank 0 a view.
    return (*index, ...)
