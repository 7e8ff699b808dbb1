"""The primitives between real and complex numbers.

For a real loss L and z = x + iy the cotangent is z_bar = ∂L/∂x + i ∂L/∂y. A holomorphic w = f(z) then has
z_bar = conj(f'(z)) w_bar, which the adjoint driver makes out of the rule of f by itself. The primitives here
are linear over the reals only, so their adjoint rules are written for this convention, and their tangent
rules apart from them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .logic import eq, select
from .prim import PRIMS, Prim, Sym, prim


def is_complex_number(x: Any) -> bool:
    """Whether an IR value, a number or an array is complex."""
    if isinstance(x, Sym):
        return x.value.dtype.startswith("complex")
    return bool(np.iscomplexobj(x))


def _join(re: Any, im: Any) -> Any:
    """re + i im; exact for infinite parts, which `re + 1j * im` is not."""
    re, im = np.broadcast_arrays(re, im)
    out = np.empty(re.shape, np.complex64 if re.dtype == np.float32 else np.complex128)
    out.real, out.imag = re, im
    return out[()]


real: Prim = prim(
    "real", "z", np.real, "{0}.real", result="real",
    z=lambda y_bar: complex_(y_bar, 0.0),
    tangent={"z": lambda y_bar: real(y_bar)},
)  # fmt: skip
imag: Prim = prim(
    "imag", "z", np.imag, "{0}.imag", result="real",
    z=lambda y_bar: complex_(0.0, y_bar),
    tangent={"z": lambda y_bar: imag(y_bar)},
)  # fmt: skip
conj: Prim = prim(
    "conj", "z", np.conj, "np.conj({0})",
    z=lambda y_bar: conj(y_bar),
    tangent={"z": lambda y_bar: conj(y_bar)},
)  # fmt: skip
complex_: Prim = prim(
    "complex", "re im", _join, "complex({0}, {1})", result="complex",
    re=lambda y_bar: real(y_bar),
    im=lambda y_bar: imag(y_bar),
    tangent={"re": lambda y_bar: complex_(y_bar, 0.0), "im": lambda y_bar: complex_(0.0, y_bar)},
)  # fmt: skip


def abs_rule(y_bar: Any, x: Any) -> Any:
    """Adjoint of |x|: y_bar sign(x), or y_bar x / |x| for a complex x; 0 at 0."""
    if not is_complex_number(x):
        return y_bar * PRIMS["sign"](x)
    scale = y_bar / _modulus(x)
    return complex_(scale * real(x), scale * imag(x))


def abs_tangent(y_bar: Any, x: Any) -> Any:
    """Tangent of |x|, with `y_bar` the tangent of x."""
    if not is_complex_number(x):
        return y_bar * PRIMS["sign"](x)
    return (real(y_bar) * real(x) + imag(y_bar) * imag(x)) / _modulus(x)


def _modulus(z: Any) -> Any:
    """|z|, or 1 at 0 so that it can divide."""
    r = PRIMS["abs"](z)
    return select(eq(r, 0.0), 1.0, r)
