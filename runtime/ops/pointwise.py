"""Pointwise operations: values by NumPy, derivatives by the rules of the compiler's primitives.

One entry of the tables below is an operation: its primitive has the NumPy function and the rules, its node
the name that PyTorch prints. A rule `lambda y_bar, x: …` is called with arrays, or with recorded values when
derivatives are recorded; conjugated operands make it right for complex numbers, as everywhere in pullback.

The functions made here are the shortest way from operands to a result: most of what a small operation costs
is the steps between NumPy's call and the caller.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...compiler.prims.prim import Prim
from ...compiler.prims.registry import PRIMS
from ..tape.mode import mode
from ..tape.node import Node, Recorded, wrap
from ..tape.quiet import IGNORING, end, quiet, start
from ..tape.record import attach
from .kernels import LARGE, Kernel
from .promotion import as_float, promoted

_new = object.__new__
_ndarray = np.ndarray
_asarray = np.asarray
_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
Compute = Callable[..., Any]


def _direction(y_bar: Any, x: Any) -> Any:
    """The cotangent through an absolute value, of complex numbers too: along x, and 0 where x is."""
    if x.dtype.kind != "c":
        return y_bar * np.sign(x)
    size = np.abs(x)
    return x * (y_bar / np.where(size == 0, 1.0, size))


def _over_root(y_bar: Any, x: Any) -> Any:
    """The cotangent through arccosh: a number below -1 too, as in PyTorch, where the value is none."""
    if x.dtype.kind == "c":
        return y_bar / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0))
    return y_bar / np.sqrt((x - 1.0) * (x + 1.0))


# The rules that the tape does not share. 0 / 0 is NaN here, as in PyTorch, and 0 in compiled adjoints. What a
# rule reads must not be written to before the backward pass: for users' sake the same values as in PyTorch.
_RULES: dict[str, dict[str, Any]] = {
    "abs": {"x": _direction},
    "sqrt": {"x": lambda y_bar, y: y_bar / (2.0 * y)},
    "div": {"x": lambda y_bar, z: y_bar / z, "z": lambda y_bar, x, z: -y_bar * ((x / z) / z)},
    "arccosh": {"x": _over_root},
    "copysign": {
        "x": lambda y_bar, x, z: y_bar * (np.sign(x) * np.copysign(1.0, z)),
        "z": lambda y_bar: y_bar * 0.0,
    },
    "fmax": {
        "x": lambda y_bar, x, z: np.where((x >= z) | (z != z), y_bar, 0.0),
        "z": lambda y_bar, x, z: np.where((x >= z) | (z != z), 0.0, y_bar),
    },
    "fmin": {
        "x": lambda y_bar, x, z: np.where((x <= z) | (z != z), y_bar, 0.0),
        "z": lambda y_bar, x, z: np.where((x <= z) | (z != z), 0.0, y_bar),
    },
    "pow": {
        "x": (PRIMS["pow"].vjp or {})["x"],
        "z": lambda y_bar, x, z, y: y_bar * (y * np.log(np.where((x == 0) & (np.real(z) >= 0), 1.0, x))),
    },
    "logaddexp2": {
        "x": lambda y_bar, x, z: y_bar / (1.0 + np.exp2(z - x)),
        "z": lambda y_bar, x, z: y_bar / (1.0 + np.exp2(x - z)),
    },
}


def _backward(rules: list[Callable[..., Any] | None], saved: tuple[str, ...]) -> Callable[..., Any]:
    """The `backward` of a node: the rules of its operands, called with what they read of the saved values.

    It is made as text, `lambda self, g, x, z: (…, None if self.edges[1] is None else rule1(g, x))`, because
    it runs for every small operation, and each step in between costs as much as the arithmetic.
    """
    parts = []
    names: dict[str, Any] = {}
    for k, rule in enumerate(rules):
        if rule is None:
            parts.append("None")
            continue
        read = tuple([{"y_bar": "g"}.get(n, n) for n in inspect.signature(rule).parameters])
        names |= {f"rule{k}": rule, f"kernel{k}": Kernel(rule, read), "ndarray": _ndarray}
        given = f"({', '.join(read)})"
        wanted = "" if len(rules) == 1 else f"None if self.edges[{k}] is None else "
        large = f"g.__class__ is ndarray and g.size >= {LARGE}"
        parts.append(f"{wanted}kernel{k}{given} if {large} else rule{k}{given}")
    head, body = ", ".join(("self", "g", *saved)), f"({', '.join(parts)},)"
    # All names are those of parameters of rules in this project.
    straight = eval(f"lambda {head}: {body}", names)

    def conjugated(self: Node, g: Any, *values: Any) -> Any:
        """Holomorphic rules for a complex cotangent: the adjoint of the derivative, not its transpose."""
        found = straight(self, np.conj(g), *values)
        return tuple([None if one is None else np.conj(one) for one in found])

    names["conjugated"] = conjugated
    made: Callable[..., Any] = eval(
        f"lambda {head}: {body} if g.dtype.kind != 'c' else conjugated({head})", names
    )
    return made


def node_class(name: str, record: Prim, like_torch: bool = True) -> type[Node]:
    """The node of a primitive.

    It saves the operands if a rule asks for one, and the result if a rule asks for it. `asked` says which
    operands the rule of each reads: those that no rule in use reads are saved as None. `like_torch` takes
    PyTorch's conventions where they differ from the compiler's; `abs` serves recorded complex numbers too.
    """
    own = _RULES.get(record.name) if like_torch or record.name == "abs" else None
    rules = own or record.vjp or {}
    if not rules and len(record.args) == 1:  # signs and roundings are flat: the gradient is zero
        rules = {record.args[0]: lambda y_bar: y_bar * 0}
    reads = {arg: set(inspect.signature(rule).parameters) for arg, rule in rules.items()}
    asked = [tuple(n in reads.get(arg, ()) for n in record.args) for arg in record.args]
    operands = any(any(of) for of in asked)
    result = any("y" in read for read in reads.values())
    saved = (*(record.args if operands else ()), *(("y",) if result else ()))
    backward = _backward([rules.get(a) for a in record.args], saved)
    members = {
        "__slots__": (), "backward": backward, "saves_results": int(result), "asked": asked,
        "operands": operands,
    }  # fmt: skip
    return type(name, (Node,), members)


def unary(
    face: type, name: str, node: type[Node], compute: Compute, floats: bool, noisy: bool = False
) -> Callable[[Any], Any]:
    """A function of one recorded value, for values of class `face`.

    `floats` computes integers as floats; `noisy` says that `compute` may warn.
    """
    saves_x = node.operands  # type: ignore[attr-defined]
    promotes: bool = face._promotes  # type: ignore[attr-defined]
    cast = floats and promotes
    if noisy and IGNORING is None:
        compute, noisy = quiet(compute), False

    def operation(x: Any) -> Any:
        a = x._a
        if cast:
            if a.dtype.kind not in "fc":
                a = as_float(a)
        elif promotes and a.dtype.kind == "b":
            return wrap(face, unsupported(name, x))
        if noisy:
            token = start(IGNORING)
            try:
                r = compute(a)
            except TypeError:
                r = unsupported(name, x)
            finally:
                end(token)
        else:
            try:
                r = compute(a)
            except TypeError:
                r = unsupported(name, x)
        out: Any = _new(face)
        out._a = r if type(r) is _ndarray else _asarray(r)
        out._fn = out._grad = out._version_of = out._view = out._more = None
        out._r = False
        if x._view is not None:
            x._view.refresh(x)
        if x._r and mode.enabled:
            attach(out, node, (x if x._fn is None else x._fn,), (x,) if saves_x else None)
        return out

    operation.__name__ = operation.__qualname__ = name
    return operation


def binary(
    face: type,
    name: str,
    node: type[Node],
    compute: Compute,
    *,
    floats: bool = False,
    noisy: bool = False,
    promote: Any = None,
) -> Callable[[Any, Any], Any]:
    """A function of two operands, of which one at least is of class `face`.

    The other may be a number or an array. `floats` computes integers as floats; `noisy` says that `compute`
    may warn; `promote` gives the arrays to compute with, where operands have different dtypes.
    """
    if noisy and IGNORING is None:
        compute, noisy = quiet(compute), False
    for_x, for_z = node.asked  # type: ignore[attr-defined]
    saves = node.operands  # type: ignore[attr-defined]
    like_torch: bool = face._promotes  # type: ignore[attr-defined]
    promote = promote or (promoted if like_torch else _as_they_are)
    constant = face._constant  # type: ignore[attr-defined]

    def operation(x: Any, z: Any) -> Any:
        raw = 0
        if isinstance(z, Recorded):
            b = z._a.item() if z._weak else z._a
            if z._view is not None:
                z._view.refresh(z)
            wants_z = z._r
        else:
            b = z
            wants_z = False
            raw = 2 if type(z) is _ndarray else 0
        if isinstance(x, Recorded):
            a = x._a.item() if x._weak else x._a
            if x._view is not None:
                x._view.refresh(x)
            wants_x = x._r
        else:
            a = x
            wants_x = False
            raw += type(x) is _ndarray
        # The two ways that need no thought: floats of one dtype, and a float with a Python number.
        kind, other = getattr(a, "dtype", None), type(b)
        if not (
            (kind is _F32 or kind is _F64)
            and (b.dtype is kind if other is _ndarray else other is float or other is int)
        ):
            if not isinstance(x, Recorded) and not isinstance(a, (int, float, complex)):
                x = constant(x)
                a = x._a
            if not isinstance(z, Recorded) and not isinstance(b, (int, float, complex)):
                z = constant(z)
                b = z._a
            given = a, b
            a, b = promote(a, b)
            if floats and np.result_type(a, b).kind not in "fc":
                a, b = [as_float(_asarray(v)) for v in given]
        if noisy:
            token = start(IGNORING)
        try:
            r = compute(a, b)
        except (ValueError, TypeError) as error:
            if not like_torch:
                raise
            if isinstance(error, ValueError):
                raise mismatch(a, b, error) from None
            raise NotImplementedError(f'"{name}_cpu" not implemented for these dtypes: {error}') from None
        finally:
            if noisy:
                end(token)
        out: Any = _new(face)
        out._a = r = r if type(r) is _ndarray else _asarray(r)
        out._fn = out._grad = out._version_of = out._view = out._more = None
        out._r = False
        if (wants_x or wants_z) and mode.enabled and (r.dtype is kind or r.dtype.kind in "fc"):
            saved = None
            if saves:
                saved = (
                    x if (wants_x and for_x[0]) or (wants_z and for_z[0]) else None,
                    z if (wants_x and for_x[1]) or (wants_z and for_z[1]) else None,
                )
                if raw:
                    saved = _own(saved, raw)
            edges = (
                (x if x._fn is None else x._fn) if wants_x else None,
                (z if z._fn is None else z._fn) if wants_z else None,
            )
            attach(out, node, edges, saved)
        return out

    operation.__name__ = operation.__qualname__ = name
    return operation


def _own(saved: tuple[Any, Any], raw: int) -> tuple[Any, Any]:
    """What is saved, with copies of NumPy arrays, whose user may write to them unnoticed."""
    x, z = (v._a if isinstance(v, Recorded) else v for v in saved)
    return (
        np.array(x) if raw & 1 and x is not None else saved[0],
        np.array(z) if raw & 2 and z is not None else saved[1],
    )


def _as_they_are(a: Any, b: Any) -> tuple[Any, Any]:
    return a, b


def unsupported(name: str, x: Recorded) -> Any:
    """What stands for the result of a function of a dtype that NumPy's does not take: PyTorch's error.

    Raises
    ------
    RuntimeError, NotImplementedError
        But for signs of bools, which are the bools, and their squares, which are integers.
    """
    a = x._a
    if a.dtype.kind == "b" and name == "sign":
        return a.copy()
    if a.dtype.kind == "b" and name == "square":
        return a.astype(np.int64)
    if name == "neg" and a.dtype.kind == "b":
        raise RuntimeError(
            "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
            "mask, use the `~` or `logical_not()` operator instead."
        )
    if a.dtype.kind == "c":
        raise NotImplementedError(f"{name} is not supported for complex inputs")
    kind = x._kind().removeprefix("torch.").removesuffix("Tensor")
    if name in ("ceil", "floor", "round", "trunc"):
        name += "_vml"
    raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{kind}'")


def mismatch(a: Any, b: Any, error: ValueError) -> Exception:
    """What PyTorch says of shapes that do not fit."""
    shapes = [np.shape(a), np.shape(b)]
    rank = max(map(len, shapes))
    one, two = ((1,) * (rank - len(s)) + s for s in shapes)
    for axis in reversed(range(rank)):
        if one[axis] != two[axis] and 1 not in (one[axis], two[axis]):
            return RuntimeError(
                f"The size of tensor a ({one[axis]}) must match the size of tensor b ({two[axis]}) at "
                f"non-singleton dimension {axis}"
            )
    return error


def prim_node(name: str, prim: str, like_torch: bool = True) -> type[Node]:
    """The node class of a primitive by its names: PyTorch's and the compiler's."""
    return node_class(name, PRIMS[prim], like_torch)


__all__ = ["binary", "mismatch", "node_class", "prim_node", "quiet", "unary"]
