"""The functions and methods of tensors: each is declared where it is written, and put on the class at the
end.

    @function(method=True, inplace=True)
    def clamp(input, min=None, max=None): …

gives `pb.clamp`, `Tensor.clamp` and `Tensor.clamp_`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ..tape.views import write

F = TypeVar("F", bound=Callable[..., Any])

FUNCTIONS: dict[str, Callable[..., Any]] = {}
METHODS: dict[str, Callable[..., Any]] = {}
PROPERTIES: dict[str, property] = {}


def function(*names: str, root: bool = True, method: bool = True, inplace: bool = False) -> Callable[[F], F]:
    """Declare a function of tensors.

    Parameters
    ----------
    names
        Its names, if not the one it is defined by.
    root
        It is `pb.<name>`.
    method
        It is a method of `Tensor`, the tensor being its first argument.
    inplace
        There is `<name>_` too, which writes the result to the first argument.
    """

    def declare(written: F) -> F:
        for name in names or (written.__name__,):
            put(name, written, root=root, method=method, inplace=inplace)
        return written

    return declare


def put(name: str, written: Any, *, root: bool = True, method: bool = True, inplace: bool = False) -> None:
    """Declare a function under one name."""
    if root:
        FUNCTIONS[name] = written
    if method:
        METHODS[name] = written
    if inplace:
        overwriting = in_place(name, written)
        METHODS[name + "_"] = overwriting
        if root:
            FUNCTIONS[name + "_"] = overwriting


def in_place(name: str, written: Callable[..., Any]) -> Callable[..., Any]:
    """The twin of a function that writes its result to its first argument."""

    @functools.wraps(written)
    def overwriting(input: Any, *args: Any, **kwargs: Any) -> Any:
        return write(input, written, *args, **kwargs)

    overwriting.__name__ = overwriting.__qualname__ = name + "_"
    overwriting.__doc__ = f"`{name}` that overwrites its first argument and gives it back."
    return overwriting
