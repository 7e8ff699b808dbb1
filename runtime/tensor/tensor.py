"""`Tensor`: a NumPy array with PyTorch's manners, whose operations are recorded.

What is here is what a tensor is: its data, its place in the graph, its conversions. Its operations are
declared in the other files of this folder and put on the class by `namespace.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiler.call import doors
from ..ops import promotion
from ..tape import hooks
from ..tape.mode import mode
from ..tape.node import Handle, Node, Recorded, node_of, output_of, wrap
from ..tape.record import edge, record
from .arguments import axes_of, axis_of
from .dtypes import CPU, STRIDED, Size, check_device, device, dtype, numpy_dtype
from .dtypes import of as dtype_of

_NOT_A_LEAF = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
    "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated for "
    "a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by "
    "mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for "
    "more informations."
)


class Tensor(Recorded):
    """An array of one dtype whose operations are recorded for derivatives.

    Made by `pb.tensor` and the other functions that create tensors. `Tensor(2, 3)` is an uninitialised
    tensor of this shape, `Tensor([1, 2])` one of the default float with this data, as in PyTorch.

    Raises
    ------
    TypeError, ValueError
        If the data is no rectangular array of numbers.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    __slots__ = ()
    __array_priority__ = 1000.0
    _face: type
    _promotes = True

    def __new__(cls, *data: Any, device: Any = None) -> Any:
        check_device(device)
        kind = promotion.DEFAULT["float"]
        if not data:
            return wrap(cls, np.empty(0, kind))
        if len(data) > 1 or isinstance(data[0], (int, Size)):
            shape = data if len(data) > 1 or not isinstance(data[0], Size) else data[0]
            return wrap(cls, np.empty(tuple(shape), kind))
        if isinstance(data[0], Tensor):
            return wrap(cls, data[0]._a)
        return wrap(cls, np.array(data[0], kind))

    @classmethod
    def _constant(cls, value: Any) -> Tensor:
        """Anything that is no Tensor as an operand of a Tensor."""
        if isinstance(value, (np.ndarray, np.generic)):
            made: Tensor = wrap(Tensor, np.asarray(value))
            return made
        raise TypeError(
            f"unsupported operand type(s): a Tensor and {type(value).__name__!r}; expected a Tensor, a "
            "NumPy array or a number"
        )

    @staticmethod
    def __pullback_call__(owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A compiled function called with Tensors, which is a node of the tape then."""
        return doors.tensors[0]().call(owner, args, kwargs)

    # ---- the array
    @property
    def shape(self) -> Size:
        """The lengths of the axes."""
        return Size(self._a.shape)

    @property
    def dtype(self) -> dtype:
        """The dtype, as `pb.float32`."""
        return dtype_of(self._a.dtype)

    @property
    def device(self) -> device:
        """Where it lives: `device(type='cpu')`."""
        return CPU

    @property
    def nbytes(self) -> int:
        """Bytes of its elements."""
        return int(self._a.nbytes)

    is_cuda = is_sparse = is_quantized = is_meta = is_mps = is_nested = False
    layout = STRIDED
    names = property(lambda self: (None,) * self._a.ndim, doc="Names of the axes: there are none.")

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one axis."""
        return self.shape if dim is None else int(self._a.shape[axis_of(dim, self._a.ndim)])

    def dim(self) -> int:
        """How many axes it has."""
        return int(self._a.ndim)

    ndim = property(dim)
    ndimension = dim

    def numel(self) -> int:
        """How many elements it has."""
        return int(self._a.size)

    nelement = numel

    def element_size(self) -> int:
        """Bytes of one element."""
        return int(self._a.itemsize)

    itemsize = property(element_size)

    def stride(self, dim: int | None = None) -> Any:
        """Steps between elements along each axis, in elements; or along one axis."""
        steps = _steps(self._a)
        return steps if dim is None else steps[axis_of(dim, self._a.ndim)]

    def storage_offset(self) -> int:
        """How many elements of its base lie before its first."""
        base = self._base
        if base is None:
            return 0
        return (_address(self._a) - _address(base._a)) // int(self._a.itemsize)

    def data_ptr(self) -> int:
        """The address of its first element."""
        return _address(self._a)

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether its elements lie in memory in the order of its axes."""
        return bool(self._a.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether it holds floats."""
        return bool(self._a.dtype.kind == "f")

    def is_complex(self) -> bool:
        """Whether it holds complex numbers."""
        return bool(self._a.dtype.kind == "c")

    def is_signed(self) -> bool:
        """Whether its dtype has negative numbers."""
        return bool(self._a.dtype.kind in "ifc")

    def get_device(self) -> int:
        """-1: the CPU."""
        return -1

    # ---- the graph
    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded; can be set on leaves."""
        shows = self._view
        if shows is not None and shows.why is not None:  # its history may be refused, but not this question
            return self._r
        return edge(self) is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if wanted and self._a.dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(wanted)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Record operations on it from now on, or no longer.

        Raises
        ------
        RuntimeError
            If it is no leaf, or has integers.
        """
        if self._fn is not None and not requires_grad:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                "variable in a subgraph that doesn't require differentiation use var_no_grad = "
                "var.detach()."
            )
        if requires_grad and self._a.dtype.kind not in "fc":
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        self._r = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        edge(self)
        return self._fn is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made it."""
        edge(self)
        made: Node | None = node_of(self._fn)
        return made

    @property
    def output_nr(self) -> int:
        """Which result of its operation it is."""
        return output_of(self._fn)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has accumulated."""
        if self._grad is None and self._fn is not None and not self.retains_grad:
            warnings.warn(_NOT_A_LEAF, UserWarning, stacklevel=2)
        known: Tensor | None = self._grad
        return known

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got grad of type "
                    f"{type(value).__name__}"
                )
            if value._a.shape != self._a.shape:
                raise RuntimeError(
                    f"attempting to assign a gradient of size '{list(value._a.shape)}' to a tensor of size "
                    f"'{list(self._a.shape)}'. Please ensure that the gradient and the tensor are the same "
                    "size"
                )
            if value._a.dtype != self._a.dtype:
                raise RuntimeError(
                    f"attempting to assign a gradient with dtype '{value._title().lower()}' to a tensor with "
                    f"grad_dtype '{self._title()}'. The gradient must match the tensor's grad_dtype (defaults"
                    " to the tensor's dtype)."
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same memory, outside of the graph, whose writes the graph does not notice."""
        out: Tensor = wrap(Tensor, self._a)
        return out

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self._a = value._a

    @property
    def _base(self) -> Tensor | None:
        view = self._view
        return None if view is None else view.base

    def is_inference(self) -> bool:
        """False: tensors that were made in `inference_mode` are like others."""
        return False

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def retains_grad(self) -> bool:
        """Whether it is no leaf and keeps its gradient all the same."""
        return self._more is not None and self._more.retains is not None

    def retain_grad(self) -> None:
        """Keep the gradient of a tensor that is no leaf.

        Raises
        ------
        RuntimeError
            If it does not require a gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._fn is None or self.retains_grad:
            return
        hooks.keep_gradient(self)

    def register_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(grad)` whenever the gradient of this tensor is known; what it gives takes its place.

        Returns
        -------
        Handle
            Its `remove()` takes the hook away.

        Raises
        ------
        RuntimeError
            If the tensor does not require a gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        return hooks.register(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(tensor)` after a gradient has been added to this leaf's.

        Raises
        ------
        RuntimeError
            If it is no leaf.
        """
        if self._fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        more = self._extras()
        if more.after is None:
            more.after = []
        more.after.append(hook)
        return Handle(more.after, hook)

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Add the gradients of this tensor to those of the leaves.

        Parameters
        ----------
        gradient
            The cotangent of this tensor, of its shape; 1 for a scalar.
        retain_graph
            Keep what the graph has saved, for another pass; as `create_graph` without.
        create_graph
            Record the derivative too.
        inputs
            The tensors to whose gradients to add, instead of all leaves.

        Raises
        ------
        RuntimeError
            If it is no scalar and `gradient` is missing or of another shape, does not require a gradient, or
            the graph has been freed or overwritten.

        Examples
        --------
        >>> import pullback as pb
        >>> x = pb.tensor(3.0, requires_grad=True)
        >>> (x**2).backward()
        >>> x.grad
        tensor(6.)
        """
        from .backward import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory, outside of the graph."""
        out: Tensor = wrap(Tensor, self._a)
        out._version_of = self._shared_version()
        return out

    def detach_(self) -> Tensor:
        """Take this tensor out of the graph.

        Raises
        ------
        RuntimeError
            If it is a view.
        """
        if self._view is not None:
            raise RuntimeError("Can't detach views in-place. Use detach() instead.")
        self._fn, self._r = None, False
        return self

    # ---- conversions
    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The NumPy array, sharing memory.

        Parameters
        ----------
        force
            Detach it first.

        Raises
        ------
        RuntimeError
            If it requires a gradient, and operations are recorded.
        """
        if not force and mode.enabled and self.requires_grad:
            raise RuntimeError(
                "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
            )
        array: np.ndarray[Any, Any] = self._a
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return np.array(array, dtype=None if dtype is None else numpy_dtype(dtype), copy=copy)

    def item(self) -> Any:
        """The one element as a Python number.

        Raises
        ------
        RuntimeError
            If it has none or several.
        """
        if self._a.size != 1:
            raise RuntimeError(f"a Tensor with {self._a.size} elements cannot be converted to Scalar")
        return self._a.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self._a.tolist()

    def cpu(self) -> Tensor:
        """This tensor."""
        return self

    def pin_memory(self) -> Tensor:
        """This tensor."""
        return self

    def __bool__(self) -> bool:
        if self._a.size != 1:
            if self._a.size == 0:
                raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self._a.item())

    def _scalar(self) -> Any:
        if self._a.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self._a.item()

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if self._a.dtype.kind not in "iub" or self._a.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._a.item())

    def __len__(self) -> int:
        if self._a.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._a)

    def __iter__(self) -> Iterator[Any]:
        if self._a.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (Tensor, int, float, bool, complex)):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        return bool((self._a == (element._a if isinstance(element, Tensor) else element)).any())

    __hash__ = object.__hash__

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        from .printing import text

        return text(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self._a.ndim == 0 else format(str(self), spec)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return (
            _again,
            (
                type(self),
                np.array(self._a),
                self._r and self._fn is None,
                self.__dict__ if hasattr(self, "__dict__") else None,
            ),
        )

    if TYPE_CHECKING:  # the methods that namespace.py puts on the class

        def __getattr__(self, name: str) -> Any: ...

    # ---- NumPy's functions on tensors
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from .protocols import on_ufunc

        return on_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from .protocols import on_function

        return on_function(function, args, kwargs)


Tensor._face = Tensor
hooks.FACES.append(Tensor)


def _again(kind: type, array: np.ndarray[Any, Any], requires_grad: bool, members: Any) -> Any:
    """A tensor from a pickle."""
    out = wrap(kind, array)
    out._r = requires_grad
    if members:
        out.__dict__.update(members)
    return out


def _steps(array: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Steps in elements. Where NumPy's are arbitrary (an axis it added, no elements at all) as in PyTorch."""
    steps = [s // array.itemsize for s in array.strides]
    if 0 in steps:
        for k in reversed(range(array.ndim)):
            n = array.shape[k]
            if not array.size or (n == 1 and not steps[k]):
                steps[k] = steps[k + 1] * max(array.shape[k + 1], 1) if k + 1 < array.ndim else 1
    return tuple(steps)


def _address(array: np.ndarray[Any, Any]) -> int:
    return int(array.__array_interface__["data"][0])


def tensor_of(value: Any) -> Tensor:
    """An argument that must be a tensor, or can be one.

    Raises
    ------
    TypeError
        If it is none.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return Tensor._constant(value)
    raise TypeError(f"expected a Tensor as argument, but got {type(value).__name__}")


def as_tensor(value: Any, dtype: Any = None) -> Tensor:
    """An operand as a tensor: numbers become tensors without axes."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        return Tensor._constant(value)
    made: Tensor = wrap(Tensor, np.asarray(value, dtype or promotion.scalar_dtype(value)))
    return made


__all__ = ["Tensor", "as_tensor", "axes_of", "axis_of", "record", "tensor_of"]
