"""The state of modules as a dictionary of tensors, and back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..tape.node import wrap
from ..tape.views import written
from ..tensor.dtypes import Size
from ..tensor.tensor import Tensor

EXTRA = "_extra_state"


class _Keys(NamedTuple):
    """Names."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class _IncompatibleKeys(_Keys):
    """What `load_state_dict(strict=False)` did not find, and what it did not use."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class State:
    """What `Module` has to save and load."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _temporary: set[str]
    _version = 1

    def get_extra_state(self) -> Any:
        """What else `state_dict` is to hold: subclasses say it."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Take up what `get_extra_state` gave: subclasses do."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by their names, outside of the graph, sharing memory.

        Parameters
        ----------
        args
            `destination`, `prefix` and `keep_vars` by position, as older code gives them.
        destination
            A dictionary to add to.
        prefix
            What stands before all names.
        keep_vars
            Give the parameters themselves.
        """
        if args:
            given = dict(zip(("destination", "prefix", "keep_vars"), args, strict=False))
            destination, prefix = given.get("destination", destination), given.get("prefix", prefix)
            keep_vars = given.get("keep_vars", keep_vars)
        out: Any = OrderedDict() if destination is None else destination
        if not hasattr(out, "_metadata"):
            out._metadata = OrderedDict()
        out._metadata[prefix[:-1]] = {"version": self._version}
        for name, tensor in (*self._parameters.items(), *self._buffers.items()):
            if tensor is not None and name not in self._temporary:
                out[prefix + name] = tensor if keep_vars else tensor.detach()
        if type(self).get_extra_state is not State.get_extra_state:
            out[prefix + EXTRA] = self.get_extra_state()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=out, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return out

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Copy parameters and buffers from a dictionary.

        Parameters
        ----------
        state_dict
            Tensors, or arrays, by name.
        strict
            Refuse names that are missing or that the module does not have.
        assign
            Take the tensors themselves, instead of copying.

        Returns
        -------
        tuple
            `missing_keys` and `unexpected_keys`.

        Raises
        ------
        TypeError
            If it is no dictionary.
        RuntimeError
            If names or shapes do not fit.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        used: set[str] = set()
        errors: list[str] = []
        self._load(state_dict, "", assign, missing, used, errors)
        unexpected = [key for key in state_dict if key not in used]
        if strict:
            for what, keys in (("Unexpected", unexpected), ("Missing", missing)):
                if keys:
                    named = ", ".join(f'"{key}"' for key in keys)
                    errors.insert(0, f"{what} key(s) in state_dict: {named}. ")
        if errors:
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
            )
        return _IncompatibleKeys(missing, unexpected)

    def _load(
        self, source: Any, prefix: str, assign: bool, missing: list[str], used: set[str], errors: list[str]
    ) -> None:
        for members in (self._parameters, self._buffers):
            for name, tensor in list(members.items()):
                key = prefix + name
                if tensor is None or name in self._temporary:
                    continue
                if key in source:
                    used.add(key)
                    self._take(members, name, key, source[key], assign, errors)
                elif not self._optional(name):
                    missing.append(key)
        if type(self).set_extra_state is not State.set_extra_state:
            if prefix + EXTRA in source:
                used.add(prefix + EXTRA)
                self.set_extra_state(source[prefix + EXTRA])
            else:
                missing.append(prefix + EXTRA)
        for name, module in self._modules.items():
            if module is not None:
                module._load(source, f"{prefix}{name}.", assign, missing, used, errors)

    def _optional(self, name: str) -> bool:
        """Whether old states may lack this entry."""
        return False

    def _take(self, members: Any, name: str, key: str, value: Any, assign: bool, errors: list[str]) -> None:
        """Copy one entry, or say why not."""
        tensor = members[name]
        if not isinstance(value, (Tensor, np.ndarray)):
            errors.append(
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object '
                f"from checkpoint but received {type(value)}"
            )
            return
        array = value._a if isinstance(value, Tensor) else value
        if array.shape == (1,) and tensor._a.shape == () and not assign:
            array = array.reshape(())  # states of old versions have numbers as one element
        if array.shape != tensor._a.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {Size(array.shape)} from checkpoint, "
                f"the shape in current model is {Size(tensor._a.shape)}."
            )
        elif assign:
            taken = wrap(type(tensor), array)
            taken._r = tensor._r
            members[name] = taken
        else:
            tensor._a[...] = array
            written(tensor)
