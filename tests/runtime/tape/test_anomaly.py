"""`detect_anomaly`: the forward line of the node that made a NaN."""

from __future__ import annotations

from typing import Any

import pytest
from pullback.runtime.autograd.function import Function
from pullback.runtime.tape.anomaly import detect_anomaly, is_anomaly_enabled, set_detect_anomaly
from pullback.runtime.tensor.namespace import NAMES

zeros, ones = NAMES["zeros"], NAMES["ones"]

pytestmark = pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")


def culprit(x: Any) -> Any:
    return x.sqrt()  # the line to be named


def nan_in_backward() -> Any:
    x = zeros(1, requires_grad=True)
    return (culprit(x) * 0).sum()


def test_the_forward_line_is_named() -> None:
    with (
        pytest.warns(UserWarning, match="Error detected in SqrtBackward0") as told,
        pytest.raises(RuntimeError, match="Function 'SqrtBackward0' returned nan values in its 0th output"),
        detect_anomaly(),
    ):
        nan_in_backward().backward()
    text = str(told[-1].message)
    assert "Traceback of forward call that caused the error:" in text
    assert "the line to be named" in text and "in culprit" in text
    assert text.rstrip().endswith("# the line to be named")


def test_forward_outside_of_the_block() -> None:
    y = nan_in_backward()
    with (
        pytest.warns(UserWarning, match="No forward pass information available"),
        pytest.raises(RuntimeError, match="returned nan values"),
        detect_anomaly(),
    ):
        y.backward()


def test_backward_outside_of_the_block_is_not_checked() -> None:
    with detect_anomaly():
        y = nan_in_backward()
    y.backward()


def test_errors_of_functions_are_placed() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise KeyError("mine")

    with (
        pytest.warns(UserWarning, match="Error detected in FailsBackward"),
        pytest.raises(KeyError),
        detect_anomaly(check_nan=False),
    ):
        Fails.apply(ones(1, requires_grad=True)).sum().backward()


def test_nan_is_let_through_on_request() -> None:
    with detect_anomaly(check_nan=False):
        nan_in_backward().backward()


def test_on_and_off() -> None:
    assert not is_anomaly_enabled()
    with detect_anomaly():
        assert is_anomaly_enabled()
        with set_detect_anomaly(False):
            assert not is_anomaly_enabled()
        assert is_anomaly_enabled()
    assert not is_anomaly_enabled()
    set_detect_anomaly(True)
    assert is_anomaly_enabled()
    set_detect_anomaly(False)
    with pytest.raises(KeyError), detect_anomaly():
        raise KeyError
    assert not is_anomaly_enabled()


def test_making_one_does_not_switch() -> None:
    detect_anomaly()
    assert not is_anomaly_enabled()


def test_double_backward_is_checked() -> None:
    from pullback.runtime.tensor.backward import grad

    x = zeros(1, requires_grad=True)
    with (
        pytest.warns(UserWarning),
        pytest.raises(RuntimeError, match="returned nan values"),
        detect_anomaly(),
    ):
        grad((culprit(x) * 0).sum(), x, create_graph=True)


def test_it_is_told_that_this_takes_time() -> None:
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        detect_anomaly()
