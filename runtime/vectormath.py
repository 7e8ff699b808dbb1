"""What generated source imports as `vm`: functions of NumPy that compiled loops run on many numbers at once.

`vm.exp(x)` is `np.exp(x)`, in plain Python too. In code compiled by Numba it is a call of the C library's
`exp` that tells LLVM of its variants in glibc's libmvec:

    %y = call double @exp(double %x) "vector-function-abi-variant"="_ZGVdN4v_exp(_ZGVdN4v_exp), …"

LLVM takes one where it vectorises a loop; every other call is the scalar function. The two differ by at most
4 units in the last place; infinities, NaN, zeros and exact results agree. Where libmvec has no variant for
the type or the processor, `vm.exp` compiles to what `np.exp` compiles to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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
    run = python or scalar

    def call(*args: Any) -> Any:
        return run(*args)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"`{scalar.__name__}` of numbers; compiled loops over it are vectorised."
    _register(call, libm, scalar)
    return call


def _register(function: Callable[..., Any], libm: str, scalar: Callable[..., Any]) -> None:
    """Teach Numba the function: the types of `scalar`, and the code below."""

    class Template(AbstractTemplate):  # type: ignore[misc]
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return self.context.resolve_function_type(scalar, args, kws)

    builtin_registry.globals.append((function, types.Function(Template)))

    @lower_builtin(function, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        bits = BITS.get(signature.return_type)
        offered = _offered(context, libm, bits) if bits and len(set(signature.args)) == 1 else []
        if not offered or signature.args[0] != signature.return_type:
            known = context.typing_context.resolve_value_type(scalar)
            plain = known.get_call_type(context.typing_context, signature.args, {})
            return context.get_function(known, plain)(builder, args)
        return _call(builder, libm if bits == 64 else f"{libm}f", args, offered)


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
