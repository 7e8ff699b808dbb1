"""The dtypes of tensors, and small things that go with them: devices, layouts, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import promotion


class dtype:
    """A dtype by PyTorch's name; NumPy takes it wherever it takes a dtype.

    Attributes
    ----------
    name
        `"float32"` for example.
    dtype
        NumPy's dtype.
    kind
        What NumPy calls its kind: "f" for floats.

    Examples
    --------
    >>> import numpy as np
    >>> import pullback as pb
    >>> pb.float64
    pullback.float64
    >>> np.zeros(1, dtype=pb.float32).dtype
    dtype('float32')
    """

    __slots__ = ("dtype", "kind", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.dtype = np.dtype(name)
        self.kind = self.dtype.kind

    @property
    def is_floating_point(self) -> bool:
        """Whether it is a float."""
        return self.dtype.kind == "f"

    @property
    def is_complex(self) -> bool:
        """Whether it is complex."""
        return self.dtype.kind == "c"

    @property
    def is_signed(self) -> bool:
        """Whether it has negative numbers."""
        return self.dtype.kind in "ifc"

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return self.dtype.itemsize

    def __repr__(self) -> str:
        return f"pullback.{self.name}"

    def __reduce__(self) -> Any:
        return (of, (self.name,))

    def __deepcopy__(self, memo: Any) -> dtype:
        return self


_NAMES = (
    "float64", "float32", "float16", "complex64", "complex128", "int64", "int32", "int16", "int8",
    "uint8", "uint16", "uint32", "uint64", "bool",
)  # fmt: skip
DTYPES = {name: dtype(name) for name in _NAMES}
ALIASES = {
    "double": "float64", "float": "float32", "half": "float16", "long": "int64", "int": "int32",
    "short": "int16", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip
_OF_NUMPY = {d.dtype: d for d in DTYPES.values()}
_PYTHON = {float: "float32", int: "int64", bool: "bool", complex: "complex64"}


def of(value: Any) -> dtype:
    """The dtype object of a NumPy dtype, a name or a dtype."""
    if isinstance(value, dtype):
        return value
    if isinstance(value, str) and value in ALIASES:
        value = ALIASES[value]
    found = _OF_NUMPY.get(np.dtype(value))
    if found is None:
        raise TypeError(f"no dtype of tensors: {value!r}; choose one of {', '.join(DTYPES)}")
    return found


def numpy_dtype(value: Any) -> np.dtype[Any]:
    """NumPy's dtype of a `dtype=` argument: ours, NumPy's, a name, or a Python type.

    Raises
    ------
    TypeError
        If it names no dtype that tensors have.
    """
    if isinstance(value, dtype):
        return value.dtype
    if value is float:
        return promotion.DEFAULT["float"]
    if value in _PYTHON:
        return np.dtype(_PYTHON[value])
    return of(value).dtype


def set_default_dtype(d: Any) -> None:
    """The dtype of floats that do not say theirs: `float32` at first.

    Parameters
    ----------
    d
        `float32`, `float64` or `float16`.

    Raises
    ------
    TypeError
        If it is no float.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.set_default_dtype(pb.float64)
    >>> pb.ones(1).dtype
    pullback.float64
    >>> pb.set_default_dtype(pb.float32)
    """
    if numpy_dtype(d).kind != "f":
        raise TypeError(f"only floating-point types are supported as the default type, not {d}")
    promotion.set_default(numpy_dtype(d))


def get_default_dtype() -> dtype:
    """The dtype of floats that do not say theirs.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.get_default_dtype()
    pullback.float32
    """
    return of(promotion.DEFAULT["float"])


class Size(tuple[int, ...]):
    """A shape: a tuple of lengths that prints as PyTorch's.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.zeros(2, 3).shape
    pullback.Size([2, 3])
    """

    __slots__ = ()

    def numel(self) -> int:
        """How many elements an array of this shape has."""
        count = 1
        for n in self:
            count *= n
        return count

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Size(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Any:
        return Size(tuple(self) + tuple(other))

    def __repr__(self) -> str:
        return f"pullback.Size({list(self)})"

    def __reduce__(self) -> Any:
        return (Size, (tuple(self),))


class device:
    """Where a tensor lives: always the CPU.

    Parameters
    ----------
    type
        `"cpu"`, or `"cpu:0"`.

    Raises
    ------
    RuntimeError
        For any other device.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.device("cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")
    type: Any
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            type, index = type.type, type.index
        name, _, number = str(type).partition(":")
        if name not in ("cpu", "cuda", "mps", "meta", "xpu"):
            raise RuntimeError(
                f"Expected one of cpu, cuda, mps, xpu, meta device type at start of device string: {type}"
            )
        self.type, self.index = name, int(number) if number else index

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})"
            if self.index is None
            else f"device(type={self.type!r}, index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))


CPU = device("cpu")


def check_device(where: Any) -> None:
    """Refuse devices that are not the CPU.

    Raises
    ------
    RuntimeError
        If `where` names another device.
    """
    if where is not None and device(where).type != "cpu":
        raise RuntimeError(
            f"pullback has no device {str(where)!r}: tensors live in memory of the CPU; use 'cpu'"
        )


class layout:
    """How elements lie in memory: there is one way, `pb.strided`."""

    def __repr__(self) -> str:
        return "pullback.strided"


STRIDED = layout()
