"""Linear maps of one operand: the derivative of such an operation is its transpose, and so on for ever.

    class FlipBackward0(Linear):
        there = staticmethod(np.flip)       # a, *arguments → result
        back = staticmethod(np.flip)        # g, *arguments → cotangent of a

    apply(FlipBackward0, x, axes)           # x an array or a recorded value

`there` and `back` are functions of arrays, with the same further arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tape.node import Node, Recorded
from ..tape.record import record


class Linear(Node):
    """A linear map; `static` is the tuple of its further arguments."""

    __slots__ = ()
    there: Callable[..., Any]
    back: Callable[..., Any]
    transposed: type[Linear]

    def __init_subclass__(cls, twin: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if twin:
            return

        class Transposed(cls, twin=True):  # type: ignore[misc, valid-type, call-arg]
            __slots__ = ()
            there, back = staticmethod(cls.back), staticmethod(cls.there)
            transposed, backward = cls, Linear.backward

        Transposed.__name__ = Transposed.__qualname__ = cls.__name__
        cls.transposed = Transposed

    def backward(self, g: Any, *saved: Any) -> Any:
        return (apply(self.transposed, g, *self.static, saved=saved or None),)


def apply(node: type[Linear], x: Any, *arguments: Any, saved: tuple[Any, ...] | None = None) -> Any:
    """The map of an array, or of a recorded value.

    `saved` are the tensors whose arrays are among the arguments: kept only to see whether they have been
    written to when the derivative is taken.
    """
    if isinstance(x, Recorded):
        return record(node, node.there(x._a, *arguments), (x,), saved, arguments)
    return node.there(x, *arguments)
