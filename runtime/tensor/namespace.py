"""All of `pb.<name>` that has to do with tensors: importing this puts the methods on `Tensor`.

Each of the modules declares its functions in the tables (`table.py`) when it is imported.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..tape import mode
from . import copying, printing, protocols_linalg, queries  # noqa: F401
from .creation import (  # noqa: F401
    creation,
    distributions,
    filling,
    grids,
    likes,
    random,
    ranges,
    refilling,
    sampling,
)
from .dtypes import (
    ALIASES,
    DTYPES,
    STRIDED,
    Size,
    device,
    dtype,
    get_default_dtype,
    layout,
    set_default_dtype,
)
from .indexing import (  # noqa: F401
    indexing,
    masking,
    putting,
    scatter_reduce,
    scattering,
    searching,
    selecting,
)
from .linalg import (  # noqa: F401
    accumulating,
    cholesky,
    contractions,
    cross,
    decompositions,
    fourier,
    least_squares,
    linalg,
    linear,
    lu,
    solving,
    triangles,
)
from .pointwise import (  # noqa: F401
    casting,
    comparisons,
    complexes,
    elementary,
    logistic,
    pointwise,
    predicates,
    rounding,
    smooth,
    special,
)
from .reductions import (  # noqa: F401
    differences,
    distances,
    extrema,
    norms,
    order,
    products,
    reductions,
    scans,
    sorting,
    spread,
)
from .shape import arranging, axes, broadcasting, joining, shaping, splitting, strides, windows  # noqa: F401
from .table import FUNCTIONS, METHODS, PROPERTIES
from .tensor import Tensor

NAMES: dict[str, Any] = {
    "Tensor": Tensor,
    "Size": Size,
    "device": device,
    "dtype": dtype,
    "get_default_dtype": get_default_dtype,
    "set_default_dtype": set_default_dtype,
    "enable_grad": mode.enable_grad,
    "no_grad": mode.no_grad,
    "set_grad_enabled": mode.set_grad_enabled,
    "inference_mode": mode.inference_mode,
    "is_grad_enabled": mode.is_grad_enabled,
    "is_inference_mode_enabled": mode.is_inference_mode_enabled,
    "strided": STRIDED,
    "layout": layout,
    "fft": SimpleNamespace(**fourier.SPACE),
    **DTYPES,
    **{name: DTYPES[target] for name, target in ALIASES.items()},
    **FUNCTIONS,
}


def _gathered(prefix: str) -> SimpleNamespace:
    """The functions of a namespace like `pb.linalg`, which are declared with its name in front."""
    start = prefix + "_"
    return SimpleNamespace(
        **{name.removeprefix(start): NAMES.pop(name) for name in list(NAMES) if name.startswith(start)}
    )


NAMES.update(linalg=_gathered("linalg"), special=_gathered("special"))
NAMES["linalg"].LinAlgError = linalg.LinAlgError
NAMES["random"] = SimpleNamespace(
    **{name: getattr(random, name) for name in ("default_generator", "fork_rng", "Generator")},
    **{n: FUNCTIONS[n] for n in ("manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state")},
)
NAMES["default_generator"] = random.default_generator


def install() -> None:
    """Put the methods on the class, and let classes be printed as users know them."""
    for kind in (Tensor, Size, device, dtype, layout):
        kind.__module__ = "pullback"
    for name, method in (METHODS | PROPERTIES).items():
        setattr(Tensor, name, method)


install()
