"""What generated source imports as `vm`: functions of NumPy that compiled loops run on many numbers at once.

`vm.exp(x)` is `np.exp(x)`, in plain Python too. In code compiled by Numba it is a call of the C library's
`exp` that tells LLVM of its variants in glibc's libmvec:

    %y = call double @exp(double %x) "vector-function-abi-variant"="_ZGVdN4v_exp(_ZGVdN4v_exp), …"

LLVM takes one where it vectorises a loop; every other call is the scalar function. The two differ by at most
4 units in the last place; infinities, NaN, zeros and exact results agree. Where libmvec has no variant for
the type or the processor, `vm.exp` compiles to what `np.exp` compiles to.

A few functions that Numba compiles to branches are written out instead: `maximum`, `minimum`, `logaddexp`
with its shares, and `over`, which is no function of NumPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, builtin_registry
from numba.extending import lower_builtin

from . import libmvec

Variants = list[tuple[str, int]]
BITS = {types.float64: 64, types.float32: 32}
# Without them LLVM may neither widen a call nor move it.
PURE = ("memory(none)", "nounwind", "willreturn")
USED = "llvm.compiler.used"


def _function(
    name: str, libm: str, scalar: Callable[..., Any], python: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """A function that Numba compiles to libm's and its variants, or as it compiles `scalar`."""

    def build(context: Any, builder: Any, kind: Any, *args: Any) -> Any:
        offered = _offered(context, libm, BITS[kind])
        return (
            _call(builder, libm if kind == types.float64 else f"{libm}f", args, offered) if offered else None
        )

    return _register(name, scalar, build, python or scalar)


def _register(
    name: str, scalar: Callable[..., Any], build: Callable[..., Any], python: Callable[..., Any]
) -> Callable[..., Any]:
    """A function with the types of `scalar`. Where its result is a float, its code is what
    `build(context, builder, type, *args)` makes of arguments of that type; else, or where that gives None, it
    compiles as `scalar` does.
    """

    def function(*args: Any) -> Any:
        return python(*args)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`{scalar.__name__}` of numbers; compiled loops over it are vectorised."

    class Template(AbstractTemplate):  # type: ignore[misc]
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return self.context.resolve_function_type(scalar, args, kws)

    builtin_registry.globals.append((function, types.Function(Template)))

    @lower_builtin(function, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = signature.return_type
        made = None
        if kind in BITS:
            given = zip(args, signature.args, strict=True)
            made = build(context, builder, kind, *(context.cast(builder, a, t, kind) for a, t in given))
        return _compiled(context, builder, scalar, signature.args, args) if made is None else made

    return function


def _compiled(context: Any, builder: Any, function: Callable[..., Any], kinds: Any, args: Any) -> Any:
    """A call of a function that Numba knows."""
    known = context.typing_context.resolve_value_type(function)
    signature = known.get_call_type(context.typing_context, kinds, {})
    return context.get_function(known, signature)(builder, args)


def _offered(context: Any, libm: str, bits: int) -> Variants:
    """The variants whose registers the processor that is compiled for has.

    LLVM would call others too, and pass their arguments in two registers instead of one.
    """
    features = set(context.codegen().magic_tuple()[2].split(","))
    found = libmvec.variants(libm, bits)
    return [found[k] for k in found if k == "b" or f"+{libmvec.REGISTERS[k][1]}" in features]


def _call(builder: Any, symbol: str, args: Sequence[Any], variants: Variants) -> Any:
    """A call of a scalar function of the C library, with the variants declared and named."""
    module, kind = builder.module, args[0].type
    callee = _declared(module, symbol, kind, len(args))
    missing = [v for v in variants if v[0] not in module.globals]
    _keep(module, [_declared(module, name, ir.VectorType(kind, k), len(args)) for name, k in missing])
    result = builder.call(callee, args)
    # Before each parenthesis stands the scalar function, mangled as the variant is: here the same name.
    # llvmlite refuses attributes that it does not know.
    mapped = ",".join(f"{name}({name})" for name, _ in variants)
    set.add(result.attributes, f'"vector-function-abi-variant"="{mapped}"')
    return result


def _declared(module: Any, name: str, kind: Any, arity: int) -> Any:
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(kind, [kind] * arity), name)
    set.update(function.attributes, PURE)
    return function


def _keep(module: Any, functions: Sequence[Any]) -> None:
    """Keep declarations that nothing calls yet from being swept away before the vectoriser looks for them."""
    if not functions:
        return
    pointer = ir.IntType(8).as_pointer()
    kept = [f.bitcast(pointer) for f in functions]
    used = module.globals.get(USED)
    if used is None:
        used = ir.GlobalVariable(module, ir.ArrayType(pointer, 0), USED)
        used.linkage, used.section = "appending", "llvm.metadata"
    else:
        kept = [*used.initializer.constant, *kept]
    used.value_type = ir.ArrayType(pointer, len(kept))
    used.type = used.value_type.as_pointer()
    used.initializer = ir.Constant(used.value_type, kept)


def _intrinsic(builder: Any, name: str, *args: Any) -> Any:
    kind = args[0].type
    return builder.call(
        builder.module.declare_intrinsic(name, [kind], ir.FunctionType(kind, [kind] * len(args))), args
    )


def _extreme(name: str, scalar: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's maximum or minimum, NaN if an operand is: LLVM knows how to vectorise reductions by it."""

    def build(context: Any, builder: Any, kind: Any, x: Any, z: Any) -> Any:
        return _intrinsic(builder, f"llvm.{name}", x, z)

    return _register(name, scalar, build, scalar)


def _over(context: Any, builder: Any, kind: Any, x: Any, z: Any) -> Any:
    """x / z, where 0 / 0 is 0."""
    zero = x.type(0.0)
    unused = builder.and_(builder.fcmp_ordered("==", x, zero), builder.fcmp_ordered("==", z, zero))
    return builder.fdiv(x, builder.select(unused, x.type(1.0), z))


def _smaller(context: Any, builder: Any, kind: Any, x: Any, z: Any) -> Any:
    """exp(-|x - z|): the smaller of exp(x) and exp(z) in units of the larger. Equal infinities are equal.

    Functions of the same x and z all begin like this, and LLVM computes it once for them.
    """
    apart = builder.select(builder.fcmp_ordered("==", x, z), x.type(0.0), builder.fsub(x, z))
    return _compiled(context, builder, exp, [kind], [builder.fneg(_intrinsic(builder, "llvm.fabs", apart))])


def _larger(builder: Any, x: Any, z: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", x, z), x, z)


def _logaddexp(context: Any, builder: Any, kind: Any, x: Any, z: Any) -> Any:
    """log(exp(x) + exp(z)) = max(x, z) + log1p(exp(-|x - z|))."""
    rest = _compiled(context, builder, log1p, [kind], [_smaller(context, builder, kind, x, z)])
    return builder.fadd(_larger(builder, x, z), rest)


def _share(of_first: bool, context: Any, builder: Any, kind: Any, x: Any, z: Any) -> Any:
    """exp(x) / (exp(x) + exp(z)), or exp(z) over the same; 0 if both are exp(-inf)."""
    one, smaller = x.type(1.0), _smaller(context, builder, kind, x, z)
    wins = builder.fcmp_ordered(">=", x, z) if of_first else builder.fcmp_ordered(">=", z, x)
    share = builder.fdiv(builder.select(wins, one, smaller), builder.fadd(one, smaller))
    minus = x.type(-math.inf)
    both = builder.and_(builder.fcmp_ordered("==", x, minus), builder.fcmp_ordered("==", z, minus))
    return builder.select(both, x.type(0.0), share)


def _share_of_first(x: Any, z: Any) -> Any:
    if x == z:
        return type(x)(0.0 if x == -math.inf else 0.5)
    return 1.0 / (1.0 + np.exp(z - x))


if libmvec.library() is not None:
    llvm.load_library_permanently(libmvec.LIBRARY)  # compiled code, and code from Numba's cache, looks there

exp = _function("exp", "exp", np.exp)
exp2 = _function("exp2", "exp2", np.exp2)
expm1 = _function("expm1", "expm1", np.expm1)
log = _function("log", "log", np.log)
log2 = _function("log2", "log2", np.log2)
log1p = _function("log1p", "log1p", np.log1p)
sin = _function("sin", "sin", np.sin)
cos = _function("cos", "cos", np.cos)
tan = _function("tan", "tan", np.tan)
arcsin = _function("arcsin", "asin", np.arcsin)
arccos = _function("arccos", "acos", np.arccos)
arctan = _function("arctan", "atan", np.arctan)
sinh = _function("sinh", "sinh", np.sinh)
cosh = _function("cosh", "cosh", np.cosh)
tanh = _function("tanh", "tanh", np.tanh)
arcsinh = _function("arcsinh", "asinh", np.arcsinh)
arccosh = _function("arccosh", "acosh", np.arccosh)
arctanh = _function("arctanh", "atanh", np.arctanh)
erf = _function("erf", "erf", math.erf, lambda x: type(x)(math.erf(x)))
erfc = _function("erfc", "erfc", math.erfc, lambda x: type(x)(math.erfc(x)))
power = _function("power", "pow", np.power)
arctan2 = _function("arctan2", "atan2", np.arctan2)
hypot = _function("hypot", "hypot", np.hypot)
maximum = _extreme("maximum", np.maximum)
minimum = _extreme("minimum", np.minimum)
logaddexp = _register("logaddexp", np.logaddexp, _logaddexp, np.logaddexp)
first_share = _register("first_share", np.logaddexp, partial(_share, True), _share_of_first)
second_share = _register(
    "second_share", np.logaddexp, partial(_share, False), lambda x, z: _share_of_first(z, x)
)
over = _register("over", np.divide, _over, lambda x, z: x if x == z == 0.0 else x / z)
