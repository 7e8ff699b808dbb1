"""Functions whose source is not to be had: from text, builtins, ufuncs, objects of classes written in C."""

from __future__ import annotations

import functools
import math
import operator
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special

import pullback as pb

X = np.array([0.3, 0.8, 0.6])


def made(text: str) -> Any:
    names: dict[str, Any] = {"np": np, "math": math}
    exec(text, names)
    return names["f"]


FROM_TEXT = made("def f(x):\n    return np.sum(np.sin(x) ** 2)")


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (lambda **how: pb.grad(FROM_TEXT, **how)(X), np.sin(2 * X)),
        (lambda **how: pb.hessian(FROM_TEXT, **how)(X), np.diag(2 * np.cos(2 * X))),
        (lambda **how: pb.grad(eval("lambda x: x * x"), **how)(3.0), 6.0),
        (lambda **how: pb.grad(math.sin, **how)(0.3), math.cos(0.3)),
        (lambda **how: pb.grad(math.pow, (0, 1), **how)(0.3, 2.0), (0.6, 0.09 * math.log(0.3))),
        (lambda **how: pb.grad(np.linalg.norm, **how)(X), X / np.linalg.norm(X)),
        (lambda **how: pb.grad(np.linalg.norm, **how)(X, ord=1), np.ones(3)),
        (lambda **how: pb.grad(functools.partial(np.linalg.norm, ord=1), **how)(X), np.ones(3)),
        (lambda **how: pb.grad(functools.partial(np.einsum, "i,i->"), (0, 1), **how)(X, X + 1), (X + 1, X)),
        (lambda **how: pb.grad(np.sum, **how)(X), np.ones(3)),
        (lambda **how: pb.grad(abs, **how)(-2.0), -1.0),
        (lambda **how: pb.grad(max, (0, 1), **how)(2.0, 3.0), (0.0, 1.0)),
        (lambda **how: pb.grad(sum, **how)([1.0, 2.0]), [1.0, 1.0]),
        (lambda **how: pb.grad(operator.itemgetter(1), **how)(X), [0.0, 1.0, 0.0]),
        (lambda **how: pb.grad(int, **how)(0.4), 0.0),
        (lambda **how: pb.jacobian(np.cumsum, **how)(X), np.tril(np.ones((3, 3)))),
        (lambda **how: pb.vjp(np.flip, X, **how)[1](X)[0], X[::-1]),
        (lambda **how: pb.jvp(np.diff, (X,), (X,), **how)[1], np.diff(X)),
        (lambda **how: pb.differentiable(np.linalg.norm, **how).grad(X), X / np.linalg.norm(X)),
        (lambda **how: pb.jacobian(np.vectorize(lambda t: t**2 if t > 0.5 else t), **how)(X),
         np.diag([1.0, 1.6, 1.2])),
    ],
)  # fmt: skip
def test_they_run_on_the_tape(run: Any, expected: Any) -> None:
    with pytest.warns(pb.FallbackWarning, match="not available") as told:
        found = run()
    assert len(told) == 1 and told[0].filename == __file__ and "hint" in str(told[0].message)
    for one, other in zip(*[v if isinstance(v, tuple) else (v,) for v in (found, expected)], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-15)
    with pytest.raises(pb.SourceError, match="not available"):
        run(fallback="error")


def test_ufuncs_are_compiled() -> None:
    assert math.isclose(pb.grad(np.sin, fallback="error")(0.3), math.cos(0.3))
    assert math.isclose(pb.grad(scipy.special.gammaln, fallback="error")(1.0), -np.euler_gamma)
    np.testing.assert_allclose(pb.jacobian(np.sin, fallback="error")(X), np.diag(np.cos(X)))
    assert pb.grad(functools.partial(np.power, 2.0), fallback="error")(3.0) == 8.0 * math.log(2.0)


def test_objects_of_libraries() -> None:
    with pytest.warns(pb.FallbackWarning, match="poly1d"):
        assert pb.grad(np.poly1d([1, 2, 3]))(2.0) == 6.0


def test_a_cached_function_is_the_function() -> None:
    @functools.lru_cache
    def square(x):
        return x**2

    assert pb.grad(square, fallback="error")(2.0) == 4.0

    def f(x):
        try:
            return square(x) * square(3)
        finally:
            pass

    assert pb.grad(f, fallback="tape")(2.0) == 36.0
    assert square.cache_info().currsize == 0


def test_the_name_is_the_users() -> None:
    gradient = pb.grad(np.linalg.norm)
    assert repr(gradient) == "pullback.grad(norm, argnums=0)" and gradient.__name__ == "norm"
    with pytest.raises(pb.ArgumentError, match="norm was called without the argument"):
        pb.grad(np.linalg.norm, 1, fallback="tape")(X)
    with pytest.raises(pb.TypeMismatchError, match="of norm"):
        pb.grad(np.linalg.norm, fallback="tape")("a")


def test_arguments_that_are_not_compiled_are_taken_as_they_are() -> None:
    def f(x, chosen):
        total = 0.0
        for k in range(3):
            total += x[k] ** 2 if k in chosen else 0.0
        return total

    with pytest.warns(pb.FallbackWarning, match="f runs on the tape"):
        np.testing.assert_allclose(pb.grad(f)(X, {0, 2}), [0.6, 0.0, 1.2])
    with pytest.raises(pb.UnsupportedError):
        pb.grad(f, fallback="error")(X, {0, 2})


def test_from_the_command_line(tmp_path: Path) -> None:
    text = "import pullback as pb\ndef f(x):\n    return x * x\nprint(pb.grad(f)(3.0))"
    # From another folder: in the root, `pullback` would be the checkout without its compiler.
    command = [sys.executable, "-c", text]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    without_source = sys.version_info < (3, 13)  # later ones keep what stands behind -c
    assert run.stdout == "6.0\n" and run.stderr.count("FallbackWarning") == without_source
