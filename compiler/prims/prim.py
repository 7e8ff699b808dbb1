"""The record of a scalar primitive, the registry, and `Sym`: IR values that compute like numbers.

A primitive is declared once::

    tanh = prim("tanh", "x", np.tanh, "vm.tanh({0})", x=lambda y_bar, y: y_bar * (1.0 - y * y), cost=20)

The *parameter names* of a rule are the contract: `y_bar` is the adjoint of the result, `y` the result, any
other name one of the primitive's own arguments; they say what the reverse sweep needs. Rules are linear in
`y_bar`, so the same rule gives the tangent (`y_bar` replaced by the argument's tangent). Rules never mention
broadcasting, dtypes or accumulation. A primitive is callable: on `Sym` it builds IR, on numbers and arrays it
runs its NumPy reference.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import InternalError
from ..ir.build import Builder
from ..ir.nodes import Apply, Value
from ..ir.types import complex_of, is_float, is_inexact, is_integer, promote, real_of

Rule = Callable[..., Any]


@dataclass(frozen=True)
class Prim:
    """One scalar primitive.

    `emit` is a Python expression template, and `emit_float` the one for floats, if it differs; `result` is
    "same" (dtype of the arguments), "first" (of the first argument), "bool", "real" or "complex"; `vjp` maps
    an argument to its rule: an argument without an entry has derivative zero, and None is a primitive without
    derivative; `cost` is in additions; `domain` gives sample intervals per argument; `holomorphic` says that
    complex arguments are allowed and the rule is the complex derivative (the driver conjugates it). `tangent`
    has the rules of the few primitives between real and complex numbers, whose tangent is not their adjoint
    with another name for y_bar: where an argument has an entry there, it is the one for tangents.
    """

    name: str
    args: tuple[str, ...]
    ref: Callable[..., Any]
    emit: str
    vjp: dict[str, Rule] | None
    result: str = "same"
    cost: int = 1
    domain: dict[str, tuple[float, float]] = field(default_factory=dict)
    holomorphic: bool = False
    tangent: dict[str, Rule] = field(default_factory=dict)
    emit_float: str = ""

    def template(self, dtype: str) -> str:
        """The Python expression of a result of this dtype."""
        return self.emit_float if self.emit_float and is_float(dtype) else self.emit

    def needs(self, arg: str, *, tangent: bool = False) -> tuple[str, ...]:
        """What the rule of `arg` reads, apart from y_bar."""
        rule = self._rule(arg, tangent)
        return tuple(n for n in inspect.signature(rule).parameters if n != "y_bar") if rule else ()

    def rule(self, arg: str, known: dict[str, Any], *, tangent: bool = False) -> Any:
        """The contribution of y_bar, or of the tangent of `arg`; `known` has what the rule needs."""
        rule = self._rule(arg, tangent)
        assert rule is not None
        return rule(**{name: known[name] for name in inspect.signature(rule).parameters})

    def _rule(self, arg: str, tangent: bool) -> Rule | None:
        if tangent and arg in self.tangent:
            return self.tangent[arg]
        return (self.vjp or {}).get(arg)

    def __call__(self, *args: Any) -> Any:
        builder = next((a.builder for a in args if isinstance(a, Sym)), None)
        if builder is None:
            return self.ref(*args)
        symbols = (a.value.dtype for a in args if isinstance(a, Sym))
        dtype = next((d for d in symbols if d != "bool"), "bool")
        values = [a.value if isinstance(a, Sym) else builder.const(a, dtype) for a in args]
        computed = next((a.computed for a in args if isinstance(a, Sym) and a.computed), None)
        found = computed(self.name, values) if computed else None
        return Sym(builder, found or emit(builder, self.name, *values))


PRIMS: dict[str, Prim] = {}
NEUTRAL = {("add", 0), ("sub", 0), ("mul", 1), ("div", 1), ("floordiv", 1), ("ipow", 1)}  # op(x, k) is x
FOLDED = {"div", "floordiv", "mod"}  # dear at run time, computed here on two constants all the same


def prim(
    name: str,
    args: str,
    ref: Callable[..., Any],
    emit: str,
    *,
    result: str = "same",
    cost: int = 1,
    domain: dict[str, tuple[float, float]] | None = None,
    holomorphic: bool = False,
    differentiable: bool = True,
    tangent: dict[str, Rule] | None = None,
    emit_float: str = "",
    **vjp: Rule,
) -> Prim:
    """Declare and register a primitive; keyword arguments named as its arguments are its rules."""
    names = tuple(args.split())
    if name in PRIMS or {"y", "y_bar"} & set(names) or not set(vjp) <= set(names):
        raise InternalError(f"primitive {name} is declared twice, or its argument names clash")
    allowed = {"y", "y_bar", *names}
    for arg, rule in [*vjp.items(), *(tangent or {}).items()]:
        if not set(inspect.signature(rule).parameters) <= allowed:
            raise InternalError(f"rule of {name} for {arg} has unknown parameters")
    rules = dict(vjp) if differentiable else None
    record = Prim(
        name, names, ref, emit, rules, result, cost, domain or {}, holomorphic, tangent or {}, emit_float
    )
    PRIMS[name] = record
    return record


def result_dtype(record: Prim, dtypes: list[str]) -> str:
    """The dtype of a primitive's result."""
    if record.result == "bool":
        return "bool"
    if record.result == "real":
        return real_of(dtypes[0])
    if record.result == "complex":
        return complex_of(dtypes[0])
    if record.result == "first":
        return dtypes[0]
    # `select(cond, a, b)` and friends: conditions do not decide the dtype.
    strong = [d for d in dtypes if d != "bool"] or dtypes
    return promote(*strong)


def emit(b: Builder, name: str, *args: Value) -> Value:
    """Append a primitive, folding what is known. All non-bool operands must have one dtype."""
    record = PRIMS[name]
    folded = _fold(b, name, args)
    if folded is not None:
        return folded
    return b.apply(name, args, result_dtype(record, [a.dtype for a in args]))


def cast(b: Builder, value: Value, dtype: str) -> Value:
    """value converted to dtype; complex to real takes the real part."""
    if value.dtype == dtype:
        return value
    known = b.const_of(value)
    if known is not None and not isinstance(known, complex):
        return b.const(known, dtype)
    return b.apply("cast", (value,), dtype, value.name)


def _fold(b: Builder, name: str, args: tuple[Value, ...]) -> Value | None:
    known = [b.const_of(a) for a in args]
    if name == "select":
        return _fold_select(args, known)
    if all(k is not None for k in known) and (PRIMS[name].cost <= 3 or name in FOLDED):
        return _fold_all(b, name, args, known)
    if len(args) == 1:
        inner = b.defs.get(args[0])
        undone = isinstance(inner, Apply) and inner.prim == name and name in ("neg", "not", "conj")
        return inner.args[0] if undone and inner is not None else None
    if len(args) == 2:
        return _fold_two(b, name, args, known)
    return None


def _fold_select(args: tuple[Value, ...], known: list[Any]) -> Value | None:
    if known[0] is not None:
        return args[1] if known[0] else args[2]
    return args[1] if args[1] is args[2] else None


def _fold_all(b: Builder, name: str, args: tuple[Value, ...], known: list[Any]) -> Value | None:
    dtype = result_dtype(PRIMS[name], [a.dtype for a in args])
    if not (is_integer(dtype) or dtype in ("bool", "float64")) or (
        name in ("floordiv", "mod") and not known[1]
    ):
        return None
    if name in ("div", "pow", "ipow") and (not known[1] or not known[0]):
        return None
    return b.const(PRIMS[name].ref(*known), dtype)


def _fold_two(b: Builder, name: str, args: tuple[Value, ...], known: list[Any]) -> Value | None:
    x, k = args[0], known[1]
    if known[0] is not None and name in ("add", "mul", "and", "or"):  # commutative: constants to the right
        return emit(b, name, args[1], args[0]) if known[1] is None else None
    if name in ("and", "or") and x.dtype == "bool":
        if k is not None:
            return (x if k else args[1]) if name == "and" else (args[1] if k else x)
        return x if x is args[1] else None
    if k is None:
        return _fold_same(b, name, args, known)
    floored = name == "floordiv" and not is_integer(x.dtype)
    if (name, k) in NEUTRAL and x.dtype != "bool" and not floored:
        return x
    if name == "mul" and k == -1 and is_inexact(x.dtype):
        return emit(b, "neg", x)
    if is_integer(x.dtype):
        return _fold_int(b, name, x, k)
    return None


def _fold_same(b: Builder, name: str, args: tuple[Value, ...], known: list[Any]) -> Value | None:
    x, z = args
    if is_integer(x.dtype):
        if x is z and name in ("le", "ge", "eq"):
            return b.const(True)
        if x is z and name in ("lt", "gt", "ne"):
            return b.const(False)
        if x is z and name == "sub":
            return b.const(0, x.dtype)
        if x is z and name in ("minimum", "maximum", "pymin", "pymax"):
            return x
    if known[0] is not None and known[0] == 0 and name == "sub" and is_inexact(x.dtype):
        return emit(b, "neg", z)
    return None


def _fold_int(b: Builder, name: str, x: Value, k: int) -> Value | None:
    """Integers: x - k is x + (-k), and (x + j) + k is x + (j + k), so that equal lengths are one value."""
    if name == "sub" and x.dtype.startswith("int"):
        return emit(b, "add", x, b.const(-k, x.dtype))
    inner = b.defs.get(x)
    if name == "add" and isinstance(inner, Apply) and inner.prim == "add":
        j = b.const_of(inner.args[1])
        if j is not None:
            return emit(b, "add", inner.args[0], b.const(j + k, x.dtype))
    if name == "mul" and k == 0:
        return b.const(0, x.dtype)
    return None


@dataclass(frozen=True)
class Sym:
    """An IR scalar with Python's operators, so that rules are plain Python.

    `computed` finds what the program itself has computed by a primitive of such values: the rule of sin
    asks for a cosine.
    """

    builder: Builder
    value: Value
    computed: Callable[[str, list[Value]], Value | None] | None = None

    def _two(self, name: str, other: Any, swap: bool = False) -> Sym:
        b = self.builder
        rhs = other.value if isinstance(other, Sym) else b.const(other, self.value.dtype)
        args = (rhs, self.value) if swap else (self.value, rhs)
        return Sym(b, emit(b, name, *args))

    def __add__(self, o: Any) -> Sym:
        return self._two("add", o)

    def __radd__(self, o: Any) -> Sym:
        return self._two("add", o, True)

    def __sub__(self, o: Any) -> Sym:
        return self._two("sub", o)

    def __rsub__(self, o: Any) -> Sym:
        return self._two("sub", o, True)

    def __mul__(self, o: Any) -> Sym:
        return self._two("mul", o)

    def __rmul__(self, o: Any) -> Sym:
        return self._two("mul", o, True)

    def __truediv__(self, o: Any) -> Sym:
        return self._two("div", o)

    def __rtruediv__(self, o: Any) -> Sym:
        return self._two("div", o, True)

    def __floordiv__(self, o: Any) -> Sym:
        return self._two("floordiv", o)

    def __mod__(self, o: Any) -> Sym:
        return self._two("mod", o)

    def __pow__(self, o: Any) -> Sym:
        return self._two("pow", o)

    def __neg__(self) -> Sym:
        return Sym(self.builder, emit(self.builder, "neg", self.value))

    def __lt__(self, o: Any) -> Sym:
        return self._two("lt", o)

    def __le__(self, o: Any) -> Sym:
        return self._two("le", o)

    def __gt__(self, o: Any) -> Sym:
        return self._two("gt", o)

    def __ge__(self, o: Any) -> Sym:
        return self._two("ge", o)

    def equals(self, o: Any) -> Sym:
        """self == o (the operator itself stays identity)."""
        return self._two("eq", o)

    def __and__(self, o: Any) -> Sym:
        return self._two("and", o)

    def __or__(self, o: Any) -> Sym:
        return self._two("or", o)
