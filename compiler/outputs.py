"""What a recipe demands of the results of a function."""

from __future__ import annotations

import types
from dataclasses import replace

from .code import Recipe
from .errors import NoDerivativeError, Src, UnsupportedError
from .frontend.values import Lowered
from .ir.nodes import Const, Function, Region, Value
from .ir.types import Array, List, Scalar, is_float
from .specs import ConstOut, Leaf, NodeOut, OutTree


def with_constant_value(lowered: Lowered, recipe: Recipe) -> Lowered:
    """A float that does not depend on the arguments becomes a result, whose gradient is zero."""
    out = lowered.out
    aux = out.items[1:] if recipe.has_aux and isinstance(out, NodeOut) else ()
    first = out.items[0] if recipe.has_aux and isinstance(out, NodeOut) and out.items else out
    if (
        recipe.kind not in ("gradient", "hvp")
        or not isinstance(first, ConstOut)
        or type(first.obj) is not float
    ):
        return lowered
    entry = lowered.module.entry
    value = Value(Scalar("float64"))
    body = Region(
        entry.body.params, [*entry.body.ops, Const((), (value,), (), (first.obj,))], (value, *entry.results)
    )
    tree: OutTree = Leaf(0)
    if aux:
        tree = NodeOut(tuple, (tree, *map(_shifted, aux)))
    return replace(lowered, module=replace(lowered.module, entry=Function(entry.name, body)), out=tree)


def _shifted(tree: OutTree) -> OutTree:
    if isinstance(tree, Leaf):
        return Leaf(tree.index + 1)
    return (
        NodeOut(tree.type, tuple(map(_shifted, tree.items)), tree.keys) if isinstance(tree, NodeOut) else tree
    )


def check_output(lowered: Lowered, recipe: Recipe, fn: types.FunctionType) -> None:
    """Refuse outputs that the recipe cannot differentiate."""
    results = lowered.module.entry.results
    src = Src(fn.__code__.co_filename, fn.__code__.co_firstlineno, def_line=fn.__code__.co_firstlineno)
    if any(isinstance(r.type, List) for r in results):
        raise UnsupportedError("the function returns a list that grows", src, "return np.array(the list)")
    if recipe.kind in ("gradient", "hvp"):
        out = lowered.out
        if recipe.has_aux:
            if not isinstance(out, NodeOut) or out.type is not tuple or len(out.items) != 2:
                raise NoDerivativeError(
                    f"{fn.__qualname__} must return a tuple (value, aux) for has_aux=True",
                    src,
                    "return value, aux",
                )
            out = out.items[0]
        if not isinstance(out, Leaf):
            raise NoDerivativeError(
                f"a gradient needs a function that returns one number, and {fn.__qualname__} returns "
                f"{_described(out)}",
                src,
                "return a float, or use has_aux=True for (value, aux), pb.vjp or pb.jacobian for the rest",
            )
        type_ = results[out.index].type
        if isinstance(type_, Array) and type_.rank:
            raise NoDerivativeError(
                f"a gradient needs a function that returns one number, and {fn.__qualname__} returns "
                f"an array of {results[out.index].dtype} with {results[out.index].rank} dimension(s)",
                src,
                "reduce it (np.sum), or use pb.jacobian or pb.vjp",
            )
        if isinstance(type_, Array):
            raise UnsupportedError(
                f"{fn.__qualname__} returns an array without axes", src, "return a number: float(it)"
            )
        if not is_float(results[out.index].dtype):
            raise NoDerivativeError(
                f"a gradient needs a function that returns a real number, and {fn.__qualname__} returns "
                f"{results[out.index].dtype}",
                src,
                "return a float"
                if not results[out.index].dtype.startswith("complex")
                else "return its np.real or abs",
            )


def _described(out: OutTree) -> str:
    """How messages call what a function returns."""
    if isinstance(out, NodeOut):
        return f"a {out.type.__name__} of {len(out.items)}"
    return "None" if not isinstance(out, ConstOut) or out.obj is None else f"the constant {out.obj!r}"
