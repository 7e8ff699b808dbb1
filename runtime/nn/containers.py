"""Modules that hold modules or parameters, in order or by name."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from ..tensor.dtypes import Size
from ..tensor.tensor import Tensor
from .module import Module, indented
from .parameter import Parameter


def _place(index: Any, length: int) -> int:
    """An index counted from the front.

    Raises
    ------
    IndexError
        If there is no such place.
    """
    k = operator.index(index)
    if not -length <= k < length:
        raise IndexError(f"index {k} is out of range")
    return k % length if length else 0


class _Ordered(Module):
    """Modules named by their places."""

    def _renumber(self, modules: Iterable[Any]) -> None:
        self._modules.clear()
        for module in modules:
            self.add_module(str(len(self._modules)), module)

    def _key(self, index: Any) -> str:
        return list(self._modules)[_place(index, len(self._modules))]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            part = list(self._modules.items())[index]
            if isinstance(self, Sequential):
                return type(self)(OrderedDict(part))
            return type(self)([module for _, module in part])
        return self._modules[self._key(index)]

    def __setitem__(self, index: Any, module: Any) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: Any) -> None:
        for key in list(self._modules)[index] if isinstance(index, slice) else [self._key(index)]:
            del self._modules[key]
        self._renumber(list(self._modules.values()))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def append(self, module: Any) -> Self:
        """Add a module at the end; gives the container."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Any]) -> Self:
        """Add modules at the end; gives the container."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> Self:
        """Add a module before place `index`; gives the container."""
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, key: Any = -1) -> Any:
        """Take the module at a place out."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Ordered):
    """Modules one after the other.

    Parameters
    ----------
    args
        Modules; or one ordered dictionary of them.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.Sequential(pb.nn.Linear(2, 3), pb.nn.ReLU())
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
    )
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for k, module in enumerate(args):
                self.add_module(str(k), module)

    def forward(self, input: Any) -> Any:
        """The modules applied one after the other."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]
        return input

    def __add__(self, other: Any) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(
                f"add operator supports only objects of Sequential class, but {type(other)} is given."
            )
        return Sequential(*self, *other)


class ModuleList(_Ordered):
    """A list of modules.

    Parameters
    ----------
    modules
        The modules.

    Examples
    --------
    >>> import pullback as pb
    >>> len(pb.nn.ModuleList([pb.nn.ReLU(), pb.nn.Tanh()]))
    2
    """

    def __init__(self, modules: Iterable[Any] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __add__(self, other: Iterable[Any]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Any]) -> Self:
        return self.extend(other)

    def __repr__(self) -> str:
        texts = [repr(module) for module in self]
        if not texts:
            return f"{self._get_name()}()"
        lines = []
        first = 0
        for k in range(1, len(texts) + 1):
            if k == len(texts) or texts[k] != texts[first]:
                places = f"({first})" if k == first + 1 else f"({first}-{k - 1})"
                times = "" if k == first + 1 else f"{k - first} x "
                lines.append(f"{places}: {times}{indented(texts[first])}")
                first = k
        return f"{self._get_name()}(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dictionary of modules.

    Parameters
    ----------
    modules
        A mapping, or pairs.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.ModuleDict({"act": pb.nn.ReLU()})
    ModuleDict(
      (act): ReLU()
    )
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Any) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take a module out."""
        return self._modules.pop(key)

    def keys(self) -> Any:
        """The names."""
        return self._modules.keys()

    def items(self) -> Any:
        """Pairs of name and module."""
        return self._modules.items()

    def values(self) -> Any:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Add modules, from a mapping or pairs."""
        for name, module in modules.items() if hasattr(modules, "items") else modules:
            self[name] = module


class ParameterList(Module):
    """A list of parameters; tensors become parameters, anything else is kept as it is.

    Parameters
    ----------
    values
        The entries.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.nn.ParameterList([pb.zeros(2)])
    ParameterList(  (0): Parameter containing: [pullback.float32 of size 2])
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[k] for k in range(*index.indices(self._size))])
        return getattr(self, str(_place(index, self._size)))

    def __setitem__(self, index: Any, value: Any) -> None:
        setattr(self, str(_place(index, self._size)), _parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[k] for k in range(self._size)])

    def append(self, value: Any) -> Self:
        """Add an entry at the end; gives the list."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add entries at the end; gives the list."""
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def __repr__(self) -> str:
        return _parameters_text(self, enumerate(self))

    def extra_repr(self) -> str:
        """One line an entry."""
        return "\n".join(_line(k, value) for k, value in enumerate(self))


class ParameterDict(Module):
    """A dictionary of parameters; tensors become parameters, anything else is kept as it is.

    Parameters
    ----------
    parameters
        A mapping, or pairs.

    Examples
    --------
    >>> import pullback as pb
    >>> list(pb.nn.ParameterDict({"a": pb.zeros(2)}).named_parameters())[0][0]
    'a'
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: Any) -> Any:
        if str(key) not in self._keys:
            raise KeyError(key)
        return getattr(self, str(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        self._keys[str(key)] = None
        setattr(self, str(key), _parameter(value))

    def __delitem__(self, key: Any) -> None:
        del self._keys[str(key)]
        delattr(self, str(key))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def keys(self) -> Any:
        """The names."""
        return self._keys.keys()

    def items(self) -> Any:
        """Pairs of name and entry."""
        return [(key, self[key]) for key in self._keys]

    def values(self) -> Any:
        """The entries."""
        return [self[key] for key in self._keys]

    def update(self, parameters: Any) -> None:
        """Add entries, from a mapping or pairs."""
        for key, value in parameters.items() if hasattr(parameters, "items") else parameters:
            self[key] = value

    def pop(self, key: Any) -> Any:
        """Take an entry out."""
        value = self[key]
        del self[key]
        return value

    def __repr__(self) -> str:
        return _parameters_text(self, self.items())


def _parameter(value: Any) -> Any:
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _line(key: Any, value: Any) -> str:
    if isinstance(value, Tensor):
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        size = "x".join(map(str, Size(value._a.shape)))
        return f"  ({key}): {kind} containing: [{value.dtype} of size {size}]"
    return f"  ({key}): Object of type: {type(value).__name__}"


def _parameters_text(module: Module, entries: Any) -> str:
    lines = [_line(key, value) for key, value in entries]
    name = module._get_name()
    return (
        f"{name}({lines[0] if lines else ''})"
        if len(lines) < 2
        else f"{name}(\n  " + "\n  ".join(lines) + "\n)"
    )
