"""`Module`: a part of a model, with parameters, buffers and modules of its own.

What is assigned to an attribute is filed by what it is: parameters, buffers and modules in dictionaries of
the module, from which everything that lists, saves or converts them works; the rest as usual. Walking over
modules is in `walks.py`, saving and loading in `state.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from ..tape.node import Handle, Recorded, wrap
from ..tensor.backward import clear_gradients
from ..tensor.dtypes import check_device, device, dtype, numpy_dtype
from ..tensor.tensor import Tensor
from .parameter import Buffer, Parameter
from .state import State
from .walks import Walks

_FILES = ("_parameters", "_buffers", "_modules")


class Module(Walks, State):
    """A part of a model: subclass it, make parameters and modules in `__init__`, compute in `forward`.

    Examples
    --------
    >>> import pullback as pb
    >>> class Affine(pb.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.weight = pb.nn.Parameter(pb.tensor([2.0]))
    ...
    ...     def forward(self, x):
    ...         return x * self.weight
    >>> model = Affine()
    >>> model(pb.tensor([3.0]))
    tensor([6.], grad_fn=<MulBackward0>)
    >>> [name for name, _ in model.named_parameters()]
    ['weight']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _temporary: set[str]  # the buffers that are no part of the state

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args or kwargs:
            name = type(self).__name__
            what = f"keyword argument '{next(iter(kwargs))}'" if kwargs else "positional arguments"
            raise TypeError(f"{name}.__init__() got an unexpected {what}")
        members = self.__dict__
        members["training"] = True
        for name in _FILES:
            members[name] = {}
        members["_temporary"] = set()
        members["_hooks"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes: subclasses say it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("_hooks"):
            from .hooks import call

            return call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    # ---- attributes
    def __setattr__(self, name: str, value: Any) -> None:
        members = self.__dict__
        if isinstance(value, Parameter):
            self._file("_parameters", "parameters", name, value)
        elif isinstance(value, Module):
            self._file("_modules", "module", name, value)
        elif isinstance(value, Buffer):
            self._file("_buffers", "buffer", name, value)
            if not value.persistent:
                members["_temporary"].add(name)
        elif name in members.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_kind(value)}' as parameter '{name}' (torch.nn.Parameter or None "
                    "expected)"
                )
            members["_parameters"][name] = None
        elif name in members.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_kind(value)}' as child module '{name}' (torch.nn.Module or None "
                    "expected)"
                )
            members["_modules"][name] = None
        elif name in members.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_kind(value)}' as buffer '{name}' (torch.nn.Buffer, torch.Tensor or "
                    "None expected)"
                )
            members["_buffers"][name] = value
        else:
            super().__setattr__(name, value)

    def _file(self, where: str, what: str, name: str, value: Any) -> None:
        if where not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")
        self._clear(name, where)
        self.__dict__[where][name] = value

    def _clear(self, name: str, keep: str) -> None:
        """Forget what else has been filed under a name."""
        self.__dict__.pop(name, None)
        for where in _FILES:
            if where != keep:
                self.__dict__[where].pop(name, None)
        self.__dict__["_temporary"].discard(name)

    def __getattr__(self, name: str) -> Any:
        members = self.__dict__
        for where in _FILES:
            filed = members.get(where)
            if filed is not None and name in filed:
                return filed[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        for where in _FILES:
            if name in self.__dict__[where]:
                del self.__dict__[where][name]
                self.__dict__["_temporary"].discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        names = {*super().__dir__(), *(name for where in _FILES for name in self.__dict__[where])}
        return sorted(name for name in names if not name[:1].isdigit())

    def _check_name(self, name: Any, what: str) -> None:
        """Refuse names that are no strings, taken, or have dots.

        Raises
        ------
        TypeError, KeyError
            For such names.
        """
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain "."' + (f", got: {name}" if what == "module" else ""))
        if name == "":
            raise KeyError(f'{what} name can\'t be empty string ""')
        where = {"parameter": "_parameters", "buffer": "_buffers", "module": "_modules"}[what]
        if hasattr(self, name) and name not in self.__dict__[where]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None to reserve its name.

        Parameters
        ----------
        name
            Its name, without dots.
        param
            The parameter.

        Raises
        ------
        AttributeError, KeyError, TypeError, ValueError
            If `Module.__init__` has not run, for a bad name, or what is no parameter.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name(name, "parameter")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_kind(param)}' object to parameter '{name}' (torch.nn.Parameter or None "
                "required)"
            )
        if param is not None and param._fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                "forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that belongs to the state of the module but is not trained.

        Parameters
        ----------
        name
            Its name, without dots.
        tensor
            The tensor, or None.
        persistent
            Whether `state_dict` has it.

        Raises
        ------
        AttributeError, KeyError, TypeError
            If `Module.__init__` has not run, for a bad name, or what is no tensor.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name(name, "buffer")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_kind(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._temporary.discard if persistent else self._temporary.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a module under a name.

        Parameters
        ----------
        name
            Its name, without dots.
        module
            The module, or None.

        Raises
        ------
        KeyError, TypeError
            For a bad name, or what is no module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_kind(module)} is not a Module subclass")
        self._check_name(name, "module")
        self._modules[name] = module

    register_module = add_module

    # ---- modes and conversions
    def train(self, mode: bool = True) -> Self:
        """Be in training: dropout drops, batch normalisation takes the moments of the batch.

        Parameters
        ----------
        mode
            False is `eval()`.

        Returns
        -------
        Module
            The module itself.

        Raises
        ------
        ValueError
            If `mode` is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Be in evaluation: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters require a gradient, or none: `False` freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Set the gradients of all parameters to zero, or to None if `set_to_none`."""
        clear_gradients(self.parameters(), set_to_none)

    def apply(self, fn: Callable[[Any], Any]) -> Self:
        """Call `fn` with every module inside, and with this one; gives the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def _apply(self, convert: Callable[[Any], Any]) -> Self:
        """Replace the arrays of all parameters, gradients and buffers by what `convert` makes of them."""
        for module in self.modules():
            for tensor in (*module._parameters.values(), *module._buffers.values()):
                if tensor is not None:
                    tensor._a = convert(tensor._a)
                    if tensor._grad is not None:
                        tensor._grad = wrap(Tensor, convert(tensor._grad._a))
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert floats to a dtype; a device must be the CPU.

        `to(dtype)`, `to(device)`, `to(device, dtype)` or `to(tensor)`, whose dtype is taken.

        Returns
        -------
        Module
            The module itself, which has been changed.

        Raises
        ------
        TypeError
            If the dtype is no float, or an argument is neither a dtype nor a device nor a tensor.
        RuntimeError
            If the device is not the CPU.
        """
        wanted = kwargs.pop("dtype", None)
        check_device(kwargs.pop("device", None))
        for argument in args:
            if isinstance(argument, Tensor):
                wanted = argument.dtype
            elif isinstance(argument, dtype):
                wanted = argument
            elif isinstance(argument, (str, device)):
                check_device(argument)
            elif argument is not None and not isinstance(argument, bool):  # a bool is `non_blocking`
                raise TypeError(f"to() takes a dtype, a device or a tensor, but got {_kind(argument)}")
        if wanted is None:
            return self
        kind = numpy_dtype(wanted)
        if kind.kind not in "fc":
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={wanted}"
            )
        return self._apply(lambda a: a.astype(kind) if a.dtype.kind in "fc" and a.dtype != kind else a)

    def type(self, dst_type: Any) -> Self:
        """Convert all parameters and buffers to a dtype."""
        kind = numpy_dtype(dst_type)
        return self._apply(lambda a: a.astype(kind, copy=False))

    def float(self) -> Self:
        """Convert floats to float32."""
        return self.to("cpu", dtype="float32")

    def double(self) -> Self:
        """Convert floats to float64."""
        return self.to("cpu", dtype="float64")

    def half(self) -> Self:
        """Convert floats to float16."""
        return self.to("cpu", dtype="float16")

    def cpu(self) -> Self:
        """The module itself."""
        return self

    def share_memory(self) -> Self:
        """The module itself."""
        return self

    # ---- hooks
    def _hook(self, kind: str, hook: Callable[..., Any], prepend: bool, *flags: bool) -> Handle:
        hooks = self.__dict__["_hooks"].setdefault(kind, [])
        entry = (hook, *flags)
        hooks.insert(0 if prepend else len(hooks), entry)
        return Handle(hooks, entry)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before `forward`; what it gives takes the place of the arguments."""
        return self._hook("before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> Handle:
        """Call `hook(module, args, output)` after `forward`; what it gives takes the place of the output."""
        return self._hook("after", hook, prepend, with_kwargs, always_call)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when gradients of the inputs are known.

        What it gives takes the place of `grad_input`.
        """
        return self._hook("backward", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` when gradients of the outputs are known.

        What it gives takes the place of `grad_output`.
        """
        return self._hook("backward_before", hook, prepend)

    # ---- text and copies
    def extra_repr(self) -> str:
        """What stands between the parentheses of `repr`: subclasses say it."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        head = self.extra_repr()
        lines = head.split("\n") if head else []
        inside = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        if not inside and len(lines) <= 1:
            return f"{self._get_name()}({head})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*lines, *inside]) + "\n)"

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def indented(text: str) -> str:
    """The text of a part as it stands within that of the whole."""
    return text.replace("\n", "\n  ")


def _kind(value: Any) -> str:
    """How messages call the type of a value."""
    return value._kind() if isinstance(value, Recorded) else type(value).__name__
