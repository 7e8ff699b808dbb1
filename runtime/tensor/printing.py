"""How tensors print: PyTorch's rules, to the character.

All elements get one width and one notation, found from those that will be seen: whole numbers with a point,
four digits behind it, or scientific where the magnitudes are far apart. Large tensors show their edges.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..ops import promotion
from ..tape.node import node_of
from ..tape.record import requires
from .dtypes import of as dtype_of
from .table import function

Array = np.ndarray[Any, Any]


@dataclass
class _Options:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _Options()
_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


@function(method=False)
def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print.

    Parameters
    ----------
    precision
        Digits behind the point; 4 at first.
    threshold
        Tensors of more elements print their edges only; 1000 at first.
    edgeitems
        How many elements an edge is; 3 at first.
    linewidth
        Characters of a line; 80 at first.
    profile
        "default", "short" or "full": sets all of the above, before those that are given.
    sci_mode
        Scientific notation always or never; None lets the elements decide. It is set at every call.

    Raises
    ------
    ValueError
        For another profile.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.set_printoptions(precision=2)
    >>> pb.tensor([1.12345])
    tensor([1.12])
    >>> pb.set_printoptions(profile="default")
    >>> pb.tensor([1.12345])
    tensor([1.1235])
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(f"no profile {profile!r}: choose one of {', '.join(_PROFILES)}")
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = _PROFILES.get(profile or "", {}) | {name: v for name, v in given.items() if v is not None}
    for name, value in chosen.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


@function(method=False)
def get_printoptions() -> dict[str, Any]:
    """How tensors print, as arguments of `set_printoptions`.

    Returns
    -------
    dict

    Examples
    --------
    >>> import pullback as pb
    >>> pb.get_printoptions()["precision"]
    4
    """
    return asdict(_options)


@function(method=False)
@contextlib.contextmanager
def printoptions(**options: Any) -> Generator[None, None, None]:
    """Set how tensors print inside of a `with` block.

    Parameters
    ----------
    options
        Arguments of `set_printoptions`.

    Examples
    --------
    >>> import pullback as pb
    >>> with pb.printoptions(sci_mode=True):
    ...     print(pb.tensor([0.5]))
    tensor([5.0000e-01])
    """
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


class _Notation:
    """How each element of a real array is written: its width, and integer, fixed or scientific notation."""

    def __init__(self, array: Array) -> None:
        self.floats = array.dtype.kind == "f"
        self.whole, self.scientific, self.width = True, False, 1
        if not self.floats:
            self.width = max((len(str(value)) for value in array.ravel().tolist()), default=1)
            return
        seen = array[np.isfinite(array) & (array != 0)].astype(np.float64)
        if not seen.size:
            return
        self.whole = bool((seen == np.ceil(seen)).all())
        self.scientific = _spread(seen) if _options.sci_mode is None else _options.sci_mode
        # In integer notation a point follows, but not nan and inf, which the width does not count.
        self.width = max(len(self._digits(value)) for value in seen.tolist())

    def _digits(self, value: float) -> str:
        if self.scientific:
            return f"{value:.{_options.precision}e}"
        if self.whole:
            return f"{value:.0f}" + "." * math.isfinite(value)
        return f"{value:.{_options.precision}f}"

    def write(self, value: Any) -> str:
        """One element, in the width of all."""
        return (self._digits(value) if self.floats else str(value)).rjust(self.width)


def _spread(seen: Array) -> bool:
    """Whether magnitudes are so far apart, or so far from 1, that they are written with exponents."""
    magnitudes = np.abs(seen)
    low, high = float(magnitudes.min()), float(magnitudes.max())
    # The quotient overflows to inf, as PyTorch's does.
    with np.errstate(over="ignore"):
        return bool(np.float64(high) / low > 1000.0) or high > 1.0e8 or low < 1.0e-4


class _Writer:
    """Writes the elements of an array, with brackets and line breaks."""

    def __init__(self, array: Array) -> None:
        self.edges = _options.edgeitems
        self.short = array.size > _options.threshold
        self.complex = array.dtype.kind == "c"
        seen = _seen(array, self.edges) if self.short else array
        self.real = _Notation(seen.real if self.complex else seen)
        self.imag = _Notation(seen.imag) if self.complex else None

    def element(self, value: Any) -> str:
        if self.imag is None:
            return self.real.write(value)
        imag = (self.imag.write(value.imag) + "j").lstrip()
        return self.real.write(value.real) + ("" if imag[0] in "+-" else "+") + imag

    def text(self, array: Array, indent: int) -> str:
        if array.ndim == 0:
            return self.element(array.item())
        if array.ndim == 1:
            return self._row(array, indent)
        cut = self.short and len(array) > 2 * self.edges
        head, tail = (array[: self.edges], array[len(array) - self.edges :]) if cut else (array, array[:0])
        parts = [self.text(part, indent + 1) for part in head]
        parts += ["..."] * cut + [self.text(part, indent + 1) for part in tail]
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"

    def _row(self, array: Array, indent: int) -> str:
        width = self.real.width + 2 + (0 if self.imag is None else self.imag.width + 1)
        fit = max(1, (_options.linewidth - indent) // width)
        if self.short and not self.edges:
            words = ["..."]
        elif self.short and len(array) > 2 * self.edges:
            head, tail = array[: self.edges].tolist(), array[-self.edges :].tolist()
            words = [self.element(v) for v in head] + [" ..."] + [self.element(v) for v in tail]
        else:
            words = [self.element(v) for v in array.tolist()]
        lines = [", ".join(words[k : k + fit]) for k in range(0, len(words), fit)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _seen(array: Array, edges: int) -> Array:
    """The elements of a large array that are printed; their notation is found from these."""
    if not edges:
        return array if array.ndim < 2 else array[:0]
    for axis, n in enumerate(array.shape):
        if n > 2 * edges:
            array = np.take(array, [*range(edges), *range(n - edges, n)], axis=axis)
    return array


def text(tensor: Any, contents: str | None = None) -> str:
    """A tensor as it prints.

    Parameters
    ----------
    tensor
        A tensor, or a value of a class derived from it, whose name the text starts with then.
    contents
        What to write instead of the elements.

    Returns
    -------
    str
    """
    name = type(tensor).__name__
    start = "tensor(" if name in ("Tensor", "Parameter") else f"{name}("
    array = tensor._a
    if contents is None:
        contents = _Writer(array).text(array, len(start)) if array.size else "[]"
    return _with_notes(start + contents, _notes(tensor), len(start))


def _notes(tensor: Any) -> list[str]:
    """What follows the elements: size, dtype and place in the graph, where they do not go without saying."""
    array = tensor._a
    kind = array.dtype
    default = promotion.DEFAULT
    notes = []
    if (array.ndim != 1 and not array.size) or (array.size and not _options.edgeitems):
        notes.append(f"size={array.shape}")
    usual = (default["float"], default["complex"], np.dtype(np.int64), np.dtype(bool))
    if kind not in (usual if array.size else usual[:1]):
        notes.append(f"dtype={dtype_of(kind)}")
    wanted = requires(tensor)
    if tensor._fn is not None:
        name = node_of(tensor._fn).name().rsplit("::", 1)[-1]
        notes.append(f"grad_fn=<{name}>")
    elif wanted:
        notes.append("requires_grad=True")
    return notes


def _with_notes(written: str, notes: list[str], indent: int) -> str:
    length = len(written) - written.rfind("\n") + 1
    for note in notes:
        # Lines break where they do in PyTorch, whose name is shorter.
        size = len(note.replace("=pullback.", "=torch."))
        if length + size + 2 > _options.linewidth:
            written += ",\n" + " " * indent + note
            length = indent + size
        else:
            written += ", " + note
            length += size + 2
    return written + ")"
