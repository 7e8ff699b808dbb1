"""Shapes of results that are known before the function runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pullback.compiler.call.specialise import Specialisation

import pullback as pb

X, A = np.arange(1.0, 6.0), np.arange(10.0).reshape(2, 5)


def exchanged(x):
    u, v = x.copy(), np.empty_like(x)
    for _ in range(3):
        v[1:] = u[:-1]
        u, v = v, u
    return u


def filled(x, n):
    a = np.zeros((n + 1, 3))
    a[0] = x[:3]
    return a


def joined(x, n):
    return np.concatenate([x, x]) if n > 0 else x


CASES = [
    ("the argument's", lambda x: 2.0 * x, (X,), True),
    ("numbers", lambda x: (x.sum(), x * 2.0), (X,), True),
    ("a product", lambda x, a: a @ x, (X, A), True),
    ("a new axis", lambda x: x[:, np.newaxis] * x, (X,), True),
    ("an integer", filled, (X, 2), True),
    ("two arrays", lambda x: np.concatenate([x, x]), (X,), True),
    ("exchanged", exchanged, (X,), True),
    ("a slice", lambda x: x[2:] - x[:-2], (X,), False),
    ("chosen", lambda x: x[x > 2.0], (X,), False),
    ("of a branch", joined, (X, 1), False),
    ("of the other branch", joined, (X, -1), False),
]


@pytest.mark.parametrize(("f", "args", "known"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_the_primal_runs_where_its_inputs_do_not_tell(
    f: Callable[..., Any], args: tuple[Any, ...], known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = []
    call = Specialisation.call

    def counted(self: Specialisation, inputs: Any) -> Any:
        ran.append(self.code.recipe.kind)
        return call(self, inputs)

    monkeypatch.setattr(Specialisation, "call", counted)
    by_rows = pb.jacrev(f, argnums=0, jit=False)(*args)
    assert ("value" not in ran) == known
    by_columns = pb.jacfwd(f, argnums=0, jit=False)(*args)
    for rows, columns in zip(
        *(m if isinstance(m, tuple) else (m,) for m in (by_rows, by_columns)), strict=True
    ):
        np.testing.assert_allclose(rows, columns, atol=1e-14)


def test_a_negative_length_is_an_error_of_the_function() -> None:
    with pytest.raises(ValueError, match="negative"):
        pb.jacrev(filled, argnums=0, jit=False)(X, -3)


def test_of_code_from_the_disk(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    shapes = []
    for loaded in (False, True):
        monkeypatch.delattr(filled, "__pullback__", raising=False)
        found, inputs = pb.jacrev(filled, argnums=0, jit=False)._primal((X, 2))
        assert found.was_loaded == loaded
        assert found.result_shapes(inputs) == [(3, 3)]
        shapes.append(found.code.shapes)
    assert shapes[0] == shapes[1]
