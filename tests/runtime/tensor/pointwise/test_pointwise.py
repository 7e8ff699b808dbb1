"""Arithmetic and elementary functions: values, gradients, dtypes, scalars, in-place writes, errors."""

from __future__ import annotations

import numpy as np
import pytest
from tensor_checks import check, leaf, sample, torch

UNARY = {
    "neg": np.negative, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sqrt": np.sqrt, "reciprocal": np.reciprocal, "square": np.square,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "atanh": np.arctanh,
    "abs": np.abs, "sigmoid": lambda a: 1 / (1 + np.exp(-a)), "rsqrt": lambda a: a**-0.5,
    "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc,
}  # fmt: skip
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "maximum": np.maximum,
    "minimum": np.minimum, "fmax": np.fmax, "fmin": np.fmin, "atan2": np.arctan2, "hypot": np.hypot,
    "logaddexp": np.logaddexp, "logaddexp2": np.logaddexp2, "copysign": np.copysign,
    "remainder": np.remainder, "fmod": np.fmod, "pow": np.power,
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_unary(name):
    f = getattr(torch, name)
    for a in (sample(3, 2, low=0.2, high=0.9), sample(6, low=0.2, high=0.9)[::2], np.float64(0.4)):
        np.testing.assert_allclose(f(leaf(a)).detach().numpy(), UNARY[name](a), rtol=1e-13)
        check(f, np.asarray(a))
    assert f(torch.zeros(0)).shape == (0,)
    assert f(torch.tensor([0.5], dtype=torch.float16)).dtype == torch.float16


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    f = getattr(torch, name)
    a, b = sample(3, 2), sample(2, seed=1)
    np.testing.assert_allclose(f(leaf(a), leaf(b)).detach().numpy(), BINARY[name](a, b), rtol=1e-13)
    np.testing.assert_allclose(f(leaf(a), 0.75).detach().numpy(), BINARY[name](a, 0.75), rtol=1e-13)
    check(f, a, b)
    check(lambda x: f(x, 0.75), a)
    assert f(torch.ones(2, dtype=torch.float16), torch.tensor(2.0)).dtype == torch.float16


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        (("int32", 1), ("float32", 1), "float32"), (("int64", 1), ("float16", 1), "float16"),
        (("int32", 1), ("float64", 0), "float64"), (("float32", 1), ("float64", 0), "float32"),
        (("uint8", 1), ("int8", 1), "int16"), (("bool", 1), ("int8", 0), "int8"),
        (("float64", 1), ("complex64", 1), "complex128"),
    ],
)  # fmt: skip
def test_promotion(one, two, expected):
    x, z = (torch.ones((2,) * rank, dtype=getattr(torch, dtype)) for dtype, rank in (one, two))
    assert (x + z).dtype == (z * x).dtype == getattr(torch, expected)


def test_numbers():
    whole = torch.tensor([1, 3], dtype=torch.int32)
    assert (whole * 2).dtype == torch.int32
    assert (whole * 1.5).dtype == torch.float32
    assert (whole / 2).tolist() == [0.5, 1.5]
    assert (torch.tensor([True]) * 2).dtype == torch.int64
    assert (torch.tensor([1.0]) * 2j).dtype == torch.complex64
    assert (2 - torch.tensor([1.0])).tolist() == [1]
    assert (2 ** torch.tensor([3])).tolist() == [8]
    assert (7 // torch.tensor([2])).tolist() == [3]
    assert (torch.ones(2) + np.ones(2)).dtype == torch.float64
    assert (torch.ones(2) + np.float64(1)).dtype == torch.float32


def test_floats_of_integers_of_two_dtypes():
    x, z = torch.tensor([1, 3], dtype=torch.uint8), torch.tensor(-1, dtype=torch.int8)
    assert torch.div(x, z).tolist() == [-1, -3]
    assert torch.copysign(x, z).tolist() == [-1, -3]
    assert np.isnan(torch.xlogy(x, z).numpy()).all()


def test_powers_of_integers():
    base, exponent = torch.tensor([-1, 3, 2, 1]), torch.tensor([-1, 3, -2, -5])
    assert torch.pow(base, exponent).tolist() == [-1, 27, 0, 1]
    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        base**-1


def test_names_of_nodes():
    x = leaf([2.0])
    names = [
        (x**2, "PowBackward0"), (x**x, "PowBackward1"), (2**x, "PowBackward2"), (1 - x, "RsubBackward1"),
        (1 / x, "MulBackward0"), (x / 2, "DivBackward0"), (-x, "NegBackward0"),
        (torch.rsub(x, 1), "RsubBackward1"),
    ]  # fmt: skip
    assert [y.grad_fn.name() for y, _ in names] == [name for _, name in names]


def test_roundings_are_flat():
    x = leaf([1.5])
    for name in ("sign", "floor", "ceil", "trunc"):
        x.grad = None
        getattr(torch, name)(x).backward()
        assert x.grad.tolist() == [0]


def test_in_place():
    x = torch.ones(2)
    assert x.add_(1) is x
    assert x.mul_(torch.tensor(2.0, dtype=torch.float64)).dtype == torch.float32
    whole = torch.ones(1, dtype=torch.int64)
    for write in (lambda: whole.add_(1.5), lambda: whole.div_(2), lambda: whole.sigmoid_()):
        with pytest.raises(
            RuntimeError, match="result type Float can't be cast to the desired output type Long"
        ):
            write()
    with pytest.raises(
        RuntimeError, match=r"output with shape \[2\] doesn't match the broadcast shape \[2, 2\]"
    ):
        x.add_(torch.ones(2, 2))


@pytest.mark.parametrize(
    ("f", "kind", "message"),
    [
        (lambda: -torch.tensor([True]), RuntimeError, "Negation, the `-` operator, on a bool tensor"),
        (lambda: torch.tensor([True]) - torch.tensor([True]), RuntimeError, "Subtraction, the `-` operator"),
        (lambda: torch.tensor([1]) % torch.tensor([0]), RuntimeError, "ZeroDivisionError"),
        (lambda: torch.tensor([1]) // torch.tensor([0]), RuntimeError, "ZeroDivisionError"),
        (lambda: torch.floor(torch.tensor([1j])), NotImplementedError, "floor is not supported for complex"),
        (lambda: torch.maximum(torch.tensor([1j]), torch.tensor([1j])), RuntimeError, "complex"),
        (lambda: torch.atan2(torch.tensor([1j]), torch.tensor([1j])), NotImplementedError, "atan2_cpu"),
        (lambda: torch.add(torch.tensor([1]), torch.tensor([1]), alpha=1.5), RuntimeError, "argument alpha"),
        (lambda: torch.ones(2) + torch.ones(3), RuntimeError, "The size of tensor a .2. must match"),
    ],
)
def test_errors(f, kind, message):
    with pytest.raises(kind, match=message):
        f()


def test_absolute_values_of_complex_numbers():
    a = np.array([3 + 4j, 0, 1 - 1j])
    x = leaf(a)
    torch.abs(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.6 + 0.8j, 0, (1 - 1j) / np.sqrt(2)])
    check(lambda re, im: torch.abs(torch.complex(re, im)), sample(3), sample(3, seed=1))


@pytest.mark.parametrize("name", ["rsqrt", "sigmoid", "sinc"])
def test_slopes_of_complex_numbers(name):
    """The cotangent is multiplied by the conjugate of the derivative."""
    z = 0.4 + 0.3j
    x = leaf(np.array([z]))
    f = getattr(torch, name)
    y = f(x)
    (y.real * 1.5 + y.imag * 0.5).sum().backward()
    step = 1e-6
    slope = ((f(leaf([z + step])) - f(leaf([z - step]))) / (2 * step)).tolist()[0]
    np.testing.assert_allclose(x.grad.tolist()[0], (1.5 + 0.5j) * np.conj(slope), rtol=1e-7)


def test_a_power_with_an_array_as_exponent():
    assert (torch.tensor([2.0, 3.0]) ** np.array([2.0, 1.0])).tolist() == [4.0, 3.0]


def test_shapes_that_do_not_fit_are_refused_by_floor_divide():
    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match"):
        torch.ones(2) // torch.ones(3)


@pytest.mark.parametrize("kind", [int, float, complex])
def test_only_a_tensor_of_one_element_is_a_number(kind):
    assert kind(torch.tensor([[2.0]])) == 2
    with pytest.raises(ValueError, match="only one element tensors can be converted to Python scalars"):
        kind(torch.ones(2))


def test_strides_of_axes_that_numpy_leaves_open():
    assert (torch.zeros(0, 3) * 1).stride() == (3, 1)
    assert torch.ones(4, 5)[None].stride() == (20, 5, 1)
    assert torch.ones(4).expand(3, 4).stride() == (0, 1)


def test_numbers_that_are_no_numbers():
    nan, inf = np.nan, np.inf
    assert torch.sign(torch.tensor([nan, -0.0, -2.0, inf])).tolist() == [0, 0, -1, 1]
    x = torch.tensor([1.0, 1.0, 2.0, nan], requires_grad=True)
    z = torch.tensor([1.0, 2.0, nan, 1.0], requires_grad=True)
    for f, expected in ((torch.fmax, [1, 0, 1, 0]), (torch.fmin, [1, 1, 1, 0])):
        f(x, z).sum().backward()
        assert x.grad.tolist() == expected and z.grad.tolist() == [1 - k for k in expected]
        x.grad = z.grad = None
    torch.copysign(x, z).sum().backward()
    assert z.grad.tolist() == [0, 0, 0, 0]


def test_arccosh_has_a_slope_where_it_has_no_value():
    x = torch.tensor([-2.0, 2.0, 0.5], requires_grad=True)
    torch.acosh(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [3**-0.5, 3**-0.5, np.nan], rtol=1e-6)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (torch.abs, "\"abs_cpu\" not implemented for 'Bool'"),
        (torch.floor, "\"floor_vml_cpu\" not implemented for 'Bool'"),
        (lambda t: t % t, "\"remainder_cpu\" not implemented for 'Bool'"),
        (lambda t: t // t, "\"div_floor_cpu\" not implemented for 'Bool'"),
        (lambda t: t**t, "\"pow\" not implemented for 'Bool'"),
        (lambda t: t << t, "\"lshift_cpu\" not implemented for 'Bool'"),
    ],
)
def test_what_bools_do_not_have(f, message):
    with pytest.raises(NotImplementedError, match=message):
        f(torch.tensor([True, False]))


def test_what_bools_have():
    t = torch.tensor([True, False])
    assert torch.square(t).dtype is torch.int64 and (t**2).tolist() == [1, 0]
    assert (t**True).dtype is torch.bool


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda: torch.ones(1) // "a", "unsupported operand type.* for //: 'Tensor' and 'str'"),
        (lambda: torch.ones(1) ** None, "for \\*\\* or pow\\(\\): 'Tensor' and 'NoneType'"),
        (lambda: torch.sin([1.0]), "sin\\(\\): argument 'input' \\(position 1\\) must be Tensor, not list"),
    ],
)
def test_what_is_no_operand(f, message):
    with pytest.raises(TypeError, match=message):
        f()


def test_the_format_of_one_number_is_that_of_the_number():
    assert f"{torch.tensor(2.5)}" == "2.5"
    assert f"{torch.tensor(2.5, requires_grad=True):.3f}" == "2.500"
    assert f"{torch.tensor([2.5])}" == "tensor([2.5000])"


def test_what_complex_numbers_without_axes_do_to_floats():
    assert (torch.ones(2) + torch.tensor(1j, dtype=torch.complex128)).dtype is torch.complex64
    assert (torch.tensor(1.0) + torch.tensor(1j, dtype=torch.complex128)).dtype is torch.complex128


@pytest.mark.parametrize("f", [lambda x: x - True, lambda x: True - x, lambda x: x - torch.tensor(True)])
def test_bools_are_not_subtracted(f):
    with pytest.raises(RuntimeError, match="Subtraction, the `-` operator, with a bool tensor"):
        f(torch.ones(2))
