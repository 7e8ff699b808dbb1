"""Walks over what a module consists of: each thing once, in the order in which it was added."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Walks:
    """What `Module` lists: its parameters, buffers and modules, with their names."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all inside, with their names.

        Parameters
        ----------
        memo
            Modules to leave out; those found are added.
        prefix
            The name of this module.
        remove_duplicate
            Name a module that occurs several times once.
        """
        seen = set() if memo is None else memo
        if self in seen:
            return
        if remove_duplicate:
            seen.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(
                    seen, f"{prefix}.{name}" if prefix else name, remove_duplicate
                )

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """This module and all inside."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules directly inside, with their names."""
        seen: set[Any] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """The modules directly inside."""
        for _, module in self.named_children():
            yield module

    def _named_members(
        self, of: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for place, module in modules:
            for name, member in getattr(module, of).items():
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{place}.{name}" if place else name), member

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """All parameters with their names.

        Parameters
        ----------
        prefix
            What stands before all names.
        recurse
            Also those of modules inside.
        remove_duplicate
            Name a parameter that several modules share once.
        """
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        """All parameters; only those of this module itself unless `recurse`."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """All buffers with their names.

        Parameters
        ----------
        prefix
            What stands before all names.
        recurse
            Also those of modules inside.
        remove_duplicate
            Name a buffer that several modules share once.
        """
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """All buffers; only those of this module itself unless `recurse`."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Any:
        """The module of a dotted name.

        Parameters
        ----------
        target
            `"layer1.0.conv"` for example; an empty name is the module itself.

        Raises
        ------
        AttributeError
            If there is none.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Walks):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target: str, module: Any) -> None:
        """Put a module at a dotted name.

        Parameters
        ----------
        target
            The name.
        module
            The module.

        Raises
        ------
        AttributeError
            If there is no module to put it into.
        """
        path, _, name = target.rpartition(".")
        setattr(self.get_submodule(path), name, module)

    def get_parameter(self, target: str) -> Any:
        """The parameter of a dotted name.

        Parameters
        ----------
        target
            `"fc.weight"` for example.

        Raises
        ------
        AttributeError
            If there is none.
        """
        return self._member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Any:
        """The buffer of a dotted name.

        Parameters
        ----------
        target
            `"bn.running_mean"` for example.

        Raises
        ------
        AttributeError
            If there is none.
        """
        return self._member(target, "_buffers", "a buffer")

    def _member(self, target: str, of: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if getattr(module, of).get(name) is None:
            raise AttributeError(f"`{name}` is not {what}")
        return getattr(module, of)[name]
