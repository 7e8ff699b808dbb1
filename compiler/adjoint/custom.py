"""Functions whose derivative the user wrote (`custom_vjp`).

    y = f(x)      forward sweep:  y, residuals = f_forward(x)
                  reverse sweep:  x_bar += f_backward(residuals, y_bar)

Both are ordinary functions of the module, so the result can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable

from ..analysis.memory import Memory, Writers, is_reference
from ..ir.build import Builder
from ..ir.nodes import CallFn, Function, Module, Op, Region, Value
from ..ir.types import carries_derivative
from ..ir.walk import clone_region, rewrite
from .elements import add_elements
from .recover import Frame
from .reverse import Reverse
from .shadow import bar_name


class Ruled(CallFn):
    """A call of the forward function of a custom rule: attrs = (forward, backward, number of residuals)."""

    @property
    def backward(self) -> str:
        """The name of the backward function."""
        return str(self.attrs[1])

    @property
    def residuals(self) -> tuple[Value, ...]:
        """The results that only the backward function reads."""
        return self.outs[len(self.outs) - self.attrs[2] :]

    @property
    def results(self) -> tuple[Value, ...]:
        """The results of the primal function."""
        return self.outs[: len(self.outs) - self.attrs[2]]

    def plain(self) -> CallFn:
        """The call of the forward function alone."""
        return CallFn(self.args, self.outs, (), (self.name,), self.src)


def with_forward_rules(module: Module, functions: dict[str, Function], body: Region) -> Region:
    """Replace calls of functions with a custom rule by calls of their forward functions."""

    def change(op: Op) -> list[Op] | None:
        if not isinstance(op, CallFn) or op.name not in module.custom:
            return None
        forward, backward = module.custom[op.name]
        functions[forward] = fresh = _with_fresh_results(module[forward])
        residuals = tuple(Value(r.type, r.name) for r in fresh.results[len(op.outs) :])
        return [Ruled(op.args, (*op.outs, *residuals), (), (forward, backward, len(residuals)), op.src)]

    return rewrite(body, change) if module.custom else body


def _with_fresh_results(fn: Function) -> Function:
    """The function with results copied that refer to its parameters: a residual outlives what the caller does
    to them."""
    body = clone_region(fn.body, {})
    memory = Memory(Function(fn.name, body), distinct_params=False)
    params = set().union(*(memory.origins(p) for p in body.params if is_reference(p)))
    b = Builder(body)
    results = []
    for result in body.yields:
        if is_reference(result) and memory.origins(result) & params:
            (result,) = b.call("copy", (result,), (result.type,))
        results.append(result)
    body.yields = tuple(results)
    return Function(fn.name, body)


def reverse_ruled(reverse: Reverse, op: Ruled, frame: Frame, writers: Writers) -> None:
    """Call the backward function and add up what it returns."""
    b, recover = frame.b, reverse.recover
    values = [
        recover.contents(r, op, frame) if is_reference(r) else recover.value(r, frame) for r in op.residuals
    ]
    for out in op.results:
        if is_reference(out):
            values.append(shadow_or_zeros(reverse, out, frame))
        elif carries_derivative(out.type):
            values.append(reverse.take(out, frame))
    if op.backward in writers:
        values = [b.call("copy", (v,), (v.type,))[0] if is_reference(v) else v for v in values]
    wanted = [a for a in op.args if carries_derivative(a.type)]
    gradients = b.call_fn(op.backward, values, [a.type for a in wanted])
    for arg, gradient in zip(wanted, gradients, strict=True):
        if not reverse.activity.active(arg):
            continue
        if is_reference(arg):
            add_elements(b, reverse.shadow(arg, frame), _element(gradient))
        else:
            reverse.add(arg, gradient, frame)


def _element(ref: Value) -> Callable[[Builder, tuple[Value, ...]], Value]:
    return lambda b, index: b.load(ref, index)


def shadow_or_zeros(reverse: Reverse, ref: Value, frame: Frame) -> Value:
    """The shadow of a reference, or zeros in its shape where it needs none."""
    if reverse.activity.active(ref):
        return reverse.shadow(ref, frame)
    primal = reverse.recover.value(ref, frame)
    shape = [frame.b.dim(primal, axis) for axis in range(ref.rank)]
    return frame.b.alloc(shape, ref.dtype, "zeros", bar_name(ref))
