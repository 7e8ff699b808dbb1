"""Gradients for NumPy and Numba code: readable, compiled derivatives of ordinary Python functions.

>>> import pullback as pb
>>> @pb.grad
... def energy(x):
...     return 0.5 * np.sum(x**2)

Beside it stands a tape with PyTorch's names, for code that is not compiled:

>>> x = pb.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

import importlib
from typing import Any

from .compiler.call import doors as _doors
from .compiler.call.cache import cache_clear as cache_clear
from .compiler.call.cache import cache_info as cache_info
from .compiler.call.custom import checkpoint as checkpoint
from .compiler.call.custom import custom_vjp as custom_vjp
from .compiler.call.custom import stop_gradient as stop_gradient
from .compiler.errors import ArgumentError as ArgumentError
from .compiler.errors import CacheError as CacheError
from .compiler.errors import CheckError as CheckError
from .compiler.errors import FallbackWarning as FallbackWarning
from .compiler.errors import InternalError as InternalError
from .compiler.errors import NoDerivativeError as NoDerivativeError
from .compiler.errors import NoRuleError as NoRuleError
from .compiler.errors import OverlapError as OverlapError
from .compiler.errors import PullbackError as PullbackError
from .compiler.errors import SourceError as SourceError
from .compiler.errors import TypeMismatchError as TypeMismatchError
from .compiler.errors import UnsupportedError as UnsupportedError
from .compiler.errors import UnsupportedSyntaxError as UnsupportedSyntaxError
from .compiler.public.api import differentiable as differentiable
from .compiler.public.api import grad as grad
from .compiler.public.api import hessian as hessian
from .compiler.public.api import jacfwd as jacfwd
from .compiler.public.api import jacobian as jacobian
from .compiler.public.api import jacrev as jacrev
from .compiler.public.api import value_and_grad as value_and_grad
from .compiler.public.gradcheck import check_grads as check_grads
from .compiler.public.higher import hvp as hvp
from .compiler.public.higher import jvp as jvp
from .compiler.public.higher import vjp as vjp

_MODULES = ("autograd", "cuda", "nn", "optim", "utils")


def _on_tape() -> Any:
    return importlib.import_module(".runtime.fallback.derivatives", __name__)


def _with_tensors() -> Any:
    return importlib.import_module(".runtime.fallback.compiled", __name__)


_doors.tape.append(_on_tape)
_doors.tensors.append(_with_tensors)


def __getattr__(name: str) -> Any:
    """Tensors and their functions, loaded when the first is asked for; `__version__`."""
    if name == "__version__":
        from importlib import metadata

        return metadata.version("pullback")
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if not name.startswith("__"):
        from .runtime.nn import methods
        from .runtime.tensor.namespace import NAMES

        found = {**NAMES, **methods.NAMES}
        globals().update({key: value for key, value in found.items() if key not in globals()})
        if name in found:
            return found[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    __getattr__("Tensor")
    return sorted([*globals(), *_MODULES])
