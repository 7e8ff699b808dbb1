"""Root finders of SciPy on the tape: the root as SciPy finds it, its derivative by Newton's step.

A step x - f(x) / f'(x) from the root leaves it where it is, and its derivative is that of the root, -f_a / f'
(implicit function theorem). Two steps also have the second and third derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from ..tape import engine
from ..tape.mode import no_grad
from ..tape.node import wrap
from ..tape.record import edge
from .array import Array, unwrapped, unwrapped_arguments
from .number import Number
from .run import running
from .scipy_linalg import TWINS

_STEPS = 2


def _finder(function: Any, face: type, parameter: str) -> Callable[..., Any]:
    """What stands for a root finder whose first argument is the function."""

    def find(*args: Any, **kwargs: Any) -> Any:
        if not args:
            args = (kwargs.pop(parameter),)
        f, *rest = args
        given = kwargs.get("args", ())
        extra = given if isinstance(given, tuple) else (given,)
        with no_grad():
            found = function(f, *unwrapped(tuple(rest)), **unwrapped_arguments(kwargs))
        if function is scipy.optimize.root_scalar:
            found.root = _polished(lambda x: f(x, *extra), found.root, face)
            return found
        if isinstance(found, tuple):
            return (_polished(lambda x: f(x, *extra), found[0], face), *found[1:])
        return _polished(lambda x: f(x, *extra), found, face)

    return find


def _polished(f: Callable[[Any], Any], root: Any, face: type) -> Any:
    """The root with its derivative; as it is if the function depends on nothing that is differentiated."""
    start = wrap(face, np.array(root, float))
    if edge(_value(f(start))) is None:
        return root
    leaf = wrap(face, start._a.copy())
    leaf._r = True
    if running.runs:
        running.runs[-1].append(leaf)
    x: Any = leaf
    for _ in range(_STEPS):
        x = +x
        value = _value(f(x))
        flat = np.reshape(value, (-1,))
        rows = [
            engine.run([edge(flat[k])], [wrap(Array, np.ones(()))], targets=[x], record=True,
                       retain=True, accumulate=False)[0]
            for k in range(np.size(flat))
        ]  # fmt: skip
        x = x - (value / rows[0] if face is Number else np.linalg.solve(np.stack(rows), flat))
    return x


def _value(value: Any) -> Any:
    from .modules import NUMPY

    return NUMPY.array(value) if isinstance(value, (list, tuple)) else value


for _name in ("brentq", "brenth", "ridder", "bisect", "toms748", "root_scalar"):
    _function = getattr(scipy.optimize, _name)
    TWINS[_function] = _finder(_function, Number, "f")
TWINS[scipy.optimize.fsolve] = _finder(scipy.optimize.fsolve, Array, "func")
