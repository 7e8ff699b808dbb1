"""Views and in-place writes: what is shared, what is recorded, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pullback.runtime.tape.mode import no_grad
from pullback.runtime.tape.views import write
from tensor_checks import check, leaf, sample, torch

X = sample(3, 4)
OVERWRITTEN = "modified by an inplace operation"


def test_memory_and_versions_are_shared() -> None:
    x = torch.zeros(2, 3)
    row, other, apart = x[0], x.t()[1], x.detach()
    row.add_(1)
    other[0] = 5.0
    assert x.tolist() == [[1.0, 5.0, 1.0], [0.0, 0.0, 0.0]]
    assert {t._version for t in (x, row, other, apart)} == {2}
    assert row._base is x and other._base is x and apart._base is None
    assert x.clone()._version == 0


def test_data_is_memory_without_a_version() -> None:
    x = torch.zeros(2)
    x.data.add_(1)
    assert x.tolist() == [1.0, 1.0]
    assert x._version == 0


def test_the_base_gets_the_history_of_a_write_to_a_view() -> None:
    x = leaf(X)
    y = x * 1
    row, column = y[0], y[:, 1]
    row *= 2
    assert y.grad_fn.name() == "CopySlices"
    assert [None if f is None else f.name() for f, _ in y.grad_fn.next_functions] == ["MulBackward0", None]
    assert row.grad_fn.name() == "SelectBackward0"
    assert column.grad_fn.next_functions[0][0] is y.grad_fn
    column.sum().backward()
    expected = np.zeros((3, 4))
    expected[:, 1] = [2, 1, 1]
    np.testing.assert_array_equal(x.grad._a, expected)


def test_a_constant_becomes_recorded_by_a_write() -> None:
    v, y = leaf(sample(3)), torch.zeros(2, 3, dtype=torch.float64)
    row, rest = y[0], y[1]
    assert not rest.requires_grad
    row.copy_(v)
    assert y.requires_grad and row.requires_grad and rest.requires_grad and not y.is_leaf
    (y * y).sum().backward()
    np.testing.assert_allclose(v.grad._a, 2 * v._a)


COMPOSITE: list[Any] = [
    lambda t: (t * t).sin() / (t + 2),
    lambda t: 1 / (1 + (-t).exp()),
    lambda t: (t / (1 + t)).log(),
    lambda t: t.flip(0),
    lambda t: t,
    lambda t: t[...] * t.detach(),
    lambda t: 2 - t,
    lambda t: t.exp() * t.sum(),
    lambda t: t.max(0)[0] + t,
]


@pytest.mark.parametrize("case", range(len(COMPOSITE)))
@pytest.mark.parametrize("part", [lambda y: y, lambda y: y[1:], lambda y: y.t()[1:3].t()])
def test_operations_of_several_steps_in_place(case: int, part: Any) -> None:
    def f(x: Any) -> Any:
        y = x * x
        write(part(y), COMPOSITE[case])
        return y * y

    def functional(x: Any) -> Any:
        y = x * x
        places = part(torch.arange(12).reshape(3, 4))
        new = COMPOSITE[case](y.reshape(-1)[places])
        flat = y.reshape(-1).index_put((places.reshape(-1),), new.reshape(-1))
        return (flat * flat).reshape(3, 4)

    results = []
    for g in (f, functional):
        x = leaf(X)
        value = g(x)
        value.sum().backward()
        results.append((value._a, x.grad._a))
    np.testing.assert_allclose(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-10)


def test_what_an_operation_was_given_may_be_what_it_overwrites() -> None:
    def f(x: Any) -> Any:
        y = x * x
        y.mul_(y)
        y[0].add_(y[1])
        y[1] *= y[1]
        return y

    check(f, X)


def test_an_operation_that_gives_back_its_operand() -> None:
    def f(x: Any, z: Any) -> Any:
        y, w = x * x, z * z
        write(y[:1], lambda t, other: other, w)
        return y * y + (w * w).sum()  # w's node is still whole

    check(f, X, sample(1, 4, seed=2))


def test_a_leaf_that_shares_memory_keeps_its_part_in_second_derivatives() -> None:
    w = leaf(np.array([2.0, 3.0]))
    y = w * 1
    y.mul_(w)
    from pullback.runtime.tensor.backward import grad

    (g,) = grad((y * y).sum(), w, create_graph=True)
    (h,) = grad(g.sum(), w)
    np.testing.assert_allclose(g._a, 4 * w._a**3)
    np.testing.assert_allclose(h._a, 12 * w._a**2)


@pytest.mark.parametrize(
    "layout", [lambda x: x.t() * 1, lambda x: x.t().exp() * 1, lambda x: x.flip(0).mT.sin() * 1]
)
def test_layouts_that_are_not_in_the_order_of_the_axes(layout: Any) -> None:
    def f(x: Any, v: Any) -> Any:
        y = layout(x)
        flat = y.t().view(-1) if y.t().is_contiguous() else y.reshape(-1)
        flat[2:5].mul_(v)
        return y * y

    check(f, X, sample(3, seed=1))


def test_views_of_views_and_writes_to_each() -> None:
    def f(x: Any, v: Any) -> Any:
        y = x * x
        a = y.t()
        b = a[1:]
        c = b.diagonal()
        c.mul_(v)
        a[0] = v
        b[:, 0].add_(c)
        y.view(2, 6)[1].sin_()
        return y * y + a.sum() * b.sum() + c.sum()

    check(f, X, sample(3, seed=1))


# ---- what is refused
@pytest.mark.parametrize(
    ("spoil", "use"),
    [
        (lambda y: y.add_(1), lambda y: y * y),
        (lambda y: y[0].add_(1), lambda y: y * y),
        (lambda y: y.detach().add_(1), lambda y: y * y),
        (lambda y: y.t().zero_(), lambda y: y[1] * y[2]),
        (lambda y: y.zero_(), lambda y: y.sin()),
    ],
)
def test_overwritten_values_are_noticed(spoil: Any, use: Any) -> None:
    y = leaf(X) * 1
    z = use(y)
    spoil(y)
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()


def test_overwritten_results_are_noticed() -> None:
    y = leaf(X).exp()
    y.mul_(2)
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        y.sum().backward()
    z = leaf(X) * 1
    z[0].exp_()
    z[0, 0] = 1.0
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()


def test_values_that_no_rule_reads_may_be_overwritten() -> None:
    x = leaf(X)
    y = x * 2
    z = y * 3 + y / 2
    quotient = (x * 2) / (x + 1)
    y.add_(1)
    quotient.add_(1)
    (z.sum() + quotient.sum()).backward()
    np.testing.assert_allclose(x.grad._a, 7 + 2 / (1 + X) ** 2)


@pytest.mark.parametrize("write_", [lambda x: x.mul_(2), lambda x: x.zero_(), lambda x: x.t_()])
def test_leaves_are_not_written_to(write_: Any) -> None:
    with pytest.raises(
        RuntimeError, match=r"^a leaf Variable that requires grad is being used in an in-place"
    ):
        write_(leaf(X))


@pytest.mark.parametrize(
    "write_", [lambda x: x[0].mul_(2), lambda x: x.__setitem__(0, 1.0), lambda x: x.T.zero_()]
)
def test_views_of_leaves_are_not_written_to(write_: Any) -> None:
    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad is being used"):
        write_(leaf(X))


def test_leaves_are_written_to_under_no_grad() -> None:
    x = leaf(X)
    row = x[0]
    with no_grad():
        x.mul_(2)
        x[1] = 0.0
    assert x.is_leaf and x.requires_grad
    (row * row).sum().backward()
    np.testing.assert_allclose(x.grad._a[0], 4 * X[0])
    z = row * row
    with no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match=OVERWRITTEN):
        z.sum().backward()


@pytest.mark.parametrize(
    ("parts", "name"),
    [(lambda y: y.unbind(), "Unbind"), (lambda y: y.split(1), "Split"), (lambda y: y.chunk(2), "Split")],
)
def test_one_of_many_views_is_not_written_to(parts: Any, name: str) -> None:
    y = leaf(X) * 1
    part = parts(y)[0]
    with pytest.raises(RuntimeError, match=f"Output 0 of {name} is a view and is being modified inplace"):
        part.mul_(2)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        part[0].mul_(2)
    y.mul_(2)
    with pytest.raises(
        RuntimeError, match=f"Output 0 of {name} is a view and its base or another view of its"
    ):
        part * 2


def test_views_made_under_no_grad() -> None:
    y = leaf(X) * 1
    with no_grad():
        row, other = y[0], y[1]
        row.mul_(2)
    with pytest.raises(
        RuntimeError, match="A view was created in no_grad mode and is being modified inplace"
    ):
        row.mul_(2)
    y.mul_(2)
    with pytest.raises(
        RuntimeError, match="in no_grad mode and its base or another view of its base has been"
    ):
        other * 2


def test_new_memory_is_not_confused_with_the_old() -> None:
    y = leaf(X) * 1
    row = y[0]
    y.data = torch.zeros(3, 4, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="after the view was taken"):
        row.mul_(2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: torch.zeros(3).add_(torch.ones(2, 3)),
            r"output with shape \[3\] doesn't match the broadcast shape",
        ),
        (
            lambda: torch.zeros(3, dtype=torch.int64).add_(1.5),
            "result type Float can't be cast to the desired",
        ),
        (lambda: torch.zeros(3, dtype=torch.bool).add_(1), "can't be cast to the desired output type Bool"),
        (lambda: torch.zeros(3).mul_(1j), "can't be cast to the desired output type Float"),
    ],
)
def test_results_that_do_not_fit(call: Any, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_results_of_another_size_of_the_same_kind_are_cast() -> None:
    assert torch.zeros(2, dtype=torch.uint8).add_(torch.tensor([1, 2])).tolist() == [1, 2]
    x = torch.ones(2, requires_grad=True)
    y = x * 1
    y.mul_(torch.tensor([2.0, 3.0], dtype=torch.float64))
    assert y.dtype is torch.float32
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 3.0]


# ---- gradients that are kept
def test_a_kept_gradient_is_that_of_the_value_after_the_write() -> None:
    y = leaf(X) * 1
    row = y[0]
    y.retain_grad()
    row.retain_grad()
    y.mul_(2)
    (y.sum() + (row * 3).sum()).backward()
    np.testing.assert_array_equal(y.grad._a, [[4.0] * 4, [1.0] * 4, [1.0] * 4])
    np.testing.assert_array_equal(row.grad._a, [3.0] * 4)


def test_writes_that_have_no_derivative_cut_the_history() -> None:
    x = leaf(X)
    y = x * 1
    y.gt_(1.0)
    assert y.grad_fn.name() == "GtBackward0"
    y.sum().backward()
    np.testing.assert_array_equal(x.grad._a, np.zeros((3, 4)))


def test_rows_written_one_by_one() -> None:
    def f(x: Any) -> Any:
        y = torch.zeros(3, 4, dtype=torch.float64)
        state = x[0]
        for k in range(3):
            state = state * x[k].sin()
            y[k] = state
        return y * y

    check(f, X)
