"""`detect_anomaly`: which forward line made a NaN in the backward pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .node import Node, Recorded, Scattered
from .record import settings

state = {"check_nan": True}


class set_detect_anomaly:
    """Keep the place of every operation that is recorded, and check the backward pass for NaN, from now on.

    Parameters
    ----------
    mode
        On or off.
    check_nan
        Raise if a node's backward gives NaN; without, only errors get the forward place.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (settings["trace"], state["check_nan"])
        settings["trace"], state["check_nan"] = bool(mode), check_nan

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc: object) -> None:
        settings["trace"], state["check_nan"] = self._before


class detect_anomaly(set_detect_anomaly):
    """As a context manager: name the forward line of a node whose backward fails or gives NaN.

    Raises
    ------
    RuntimeError
        By `backward`, if a node gives NaN.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.zeros(1, requires_grad=True)
    >>> with pb.autograd.detect_anomaly():
    ...     y = (x.sqrt() * 0).sum()
    ...     y.backward()
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging.",
            stacklevel=2,
        )
        self._wanted = check_nan
        self._before = (settings["trace"], state["check_nan"])

    def __enter__(self) -> None:
        super().__init__(True, self._wanted)


def is_anomaly_enabled() -> bool:
    """Whether `detect_anomaly` is on."""
    return bool(settings["trace"])


def checked(node: Node, backward: Callable[[], Any]) -> Any:
    """The cotangents of a node, with the place of its operation told if that fails or gives NaN."""
    try:
        results = backward()
    except Exception:
        _tell(node)
        raise
    if state["check_nan"]:
        for k, result in enumerate(results):
            part = result.g if isinstance(result, Scattered) else result
            array = part._a if isinstance(part, Recorded) else part
            if array is not None and np.asarray(array).dtype.kind in "fc" and np.isnan(array).any():
                _tell(node)
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {k}th output.")
    return results


def _tell(node: Node) -> None:
    where = (
        "No forward pass information available. Enable detect anomaly during forward pass for more "
        "information."
        if node.trace is None
        else f"Traceback of forward call that caused the error:\n{node.trace}"
    )
    warnings.warn(
        f"Error detected in {node.name()}. {where}",
        UserWarning,
        stacklevel=5,
    )
