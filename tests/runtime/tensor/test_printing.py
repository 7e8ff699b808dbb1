"""What tensors print as: texts that PyTorch prints for the same tensors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from pullback.runtime.tape.node import wrap
from pullback.runtime.tensor.namespace import NAMES
from pullback.runtime.tensor.printing import get_printoptions, printoptions, set_printoptions, text
from pullback.runtime.tensor.tensor import Tensor


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    set_printoptions(profile="default")
    NAMES["set_default_dtype"](NAMES["float32"])


def shown(array: object, dtype: str | None = None) -> str:
    return text(wrap(Tensor, np.asarray(array, dtype)))


F32 = [
    ([1.0, 2.0], "tensor([1., 2.])"),
    (1.5, "tensor(1.5000)"),
    (-0.0, "tensor(-0.)"),
    ([0.0, 0.0], "tensor([0., 0.])"),
    ([-1.0, 0.5], "tensor([-1.0000,  0.5000])"),
    ([1e-5, 1.0], "tensor([1.0000e-05, 1.0000e+00])"),
    ([1.0, 1001.5], "tensor([1.0000e+00, 1.0015e+03])"),
    ([2.0, 1001.5], "tensor([   2.0000, 1001.5000])"),
    ([1.0, 2e8], "tensor([1.0000e+00, 2.0000e+08])"),
    ([np.nan, 1.0, -np.inf], "tensor([nan, 1., -inf])"),
    ([np.nan, 1.5, -np.inf], "tensor([   nan, 1.5000,   -inf])"),
    ([np.nan, np.inf], "tensor([nan, inf])"),
    ([], "tensor([])"),
    (np.zeros((0, 3)), "tensor([], size=(0, 3))"),
    ([[1.0, 2.0], [3.0, 4.0]], "tensor([[1., 2.],\n        [3., 4.]])"),
    (
        np.arange(8.0).reshape(2, 2, 2),
        "tensor([[[0., 1.],\n         [2., 3.]],\n\n        [[4., 5.],\n         [6., 7.]]])",
    ),
    (np.arange(1001.0), "tensor([   0.,    1.,    2.,  ...,  998.,  999., 1000.])"),
    (
        np.arange(13.0) / 8,
        "tensor([0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250, 0.7500, 0.8750, 1.0000,\n"
        "        1.1250, 1.2500, 1.3750, 1.5000])",
    ),
]


@pytest.mark.parametrize(("value", "expected"), F32, ids=range(len(F32)))
def test_floats(value: object, expected: str) -> None:
    assert shown(value, "float32") == expected


@pytest.mark.parametrize(
    ("value", "dtype", "expected"),
    [
        ([1, -20], "int64", "tensor([  1, -20])"),
        ([1, 2], "int32", "tensor([1, 2], dtype=pullback.int32)"),
        ([True, False], "bool", "tensor([ True, False])"),
        ([], "int64", "tensor([], dtype=pullback.int64)"),
        (np.zeros((2, 0)), "bool", "tensor([], size=(2, 0), dtype=pullback.bool)"),
        ([0.5], "float64", "tensor([0.5000], dtype=pullback.float64)"),
        ([0.1], "float16", "tensor([0.1000], dtype=pullback.float16)"),
        ([1 + 2j, -1 - 0.5j], "complex64", "tensor([ 1.+2.0000j, -1.-0.5000j])"),
        (1j, "complex128", "tensor(0.+1.j, dtype=pullback.complex128)"),
    ],
)
def test_dtypes(value: object, dtype: str, expected: str) -> None:
    assert shown(value, dtype) == expected


def test_the_default_dtype_goes_without_saying() -> None:
    NAMES["set_default_dtype"](NAMES["float64"])
    assert shown([1.0]) == "tensor([1.])"
    assert shown([1j]) == "tensor([0.+1.j])"
    assert shown([1.0], "float32") == "tensor([1.], dtype=pullback.float32)"


def test_large_tensors_show_their_edges() -> None:
    rows = text(wrap(Tensor, np.arange(2000, dtype=np.int64).reshape(40, 50))).splitlines()
    assert rows[0] == "tensor([[   0,    1,    2,  ...,   47,   48,   49],"
    assert rows[3] == "        ...,"
    assert rows[-1] == "        [1950, 1951, 1952,  ..., 1997, 1998, 1999]])"


def test_only_what_is_seen_decides_the_notation() -> None:
    array = np.ones(2000)
    array[1000] = 1e9
    assert shown(array, "float32") == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_place_in_the_graph() -> None:
    x = NAMES["tensor"]([1.0, 2.0], requires_grad=True)
    assert repr(x) == "tensor([1., 2.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 4.], grad_fn=<MulBackward0>)"
    assert repr(x.detach()) == "tensor([1., 2.])"


def test_notes_that_do_not_fit_start_a_line() -> None:
    x = NAMES["tensor"](np.arange(10.0) / 8, requires_grad=True)
    assert (x * 1)._a.dtype == np.float64
    assert repr(x * 1).splitlines()[1:] == [
        "        1.1250], dtype=pullback.float64, grad_fn=<MulBackward0>)"
    ]
    y = NAMES["tensor"](np.arange(8.0, dtype=np.float32) / 8, requires_grad=True)
    assert repr(y).splitlines()[1] == "       requires_grad=True)"


def test_derived_classes_say_their_name() -> None:
    class Special(Tensor):
        pass

    assert repr(wrap(Special, np.zeros(1, np.float32))) == "Special([0.])"


def test_contents_of_ones_own() -> None:
    assert text(wrap(Tensor, np.zeros(2)), "...") == "tensor(..., dtype=pullback.float64)"


def test_options() -> None:
    with printoptions(precision=2, threshold=3, edgeitems=1):
        assert shown([1.234, 2, 3, 4], "float32") == "tensor([1.23,  ..., 4.00])"
    with printoptions(sci_mode=True):
        assert shown([1.0], "float32") == "tensor([1.0000e+00])"
    with printoptions(sci_mode=False):
        assert shown([1e-6, 1.0], "float32") == "tensor([0.0000, 1.0000])"
    with printoptions(edgeitems=0, threshold=1):
        assert shown([[1, 2]], "int64") == "tensor([...], size=(1, 2))"
    with printoptions(profile="full"):
        assert "..." not in shown(np.zeros(3000), "float32")
    with printoptions(profile="short"):
        assert shown([0.125], "float32") == "tensor([0.12])"
    with printoptions(linewidth=20):
        assert shown([1, 2, 3, 4, 5], "int64") == "tensor([1, 2, 3, 4,\n        5])"
    assert get_printoptions() == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None,
    }  # fmt: skip


def test_options_come_back_after_an_error() -> None:
    with pytest.raises(KeyError), printoptions(precision=1):
        raise KeyError
    assert get_printoptions()["precision"] == 4


def test_unknown_profile() -> None:
    with pytest.raises(ValueError, match="no profile 'wide'"):
        set_printoptions(profile="wide")
