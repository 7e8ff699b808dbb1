"""`Optimizer`: groups of parameters with their settings, and what is remembered of each parameter."""

from __future__ import annotations

import copy
import functools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from ..tape.mode import enable_grad, no_grad
from ..tape.node import Handle, Recorded, wrap
from ..tensor.backward import clear_gradients
from ..tensor.tensor import Tensor


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()


class Optimizer:
    """The base of optimizers: subclasses say `step`.

    Parameters
    ----------
    params
        Parameters, pairs of name and parameter, or dictionaries: groups with settings of their own.
    defaults
        The settings of groups that do not say theirs.

    Attributes
    ----------
    param_groups
        A dictionary a group: its parameters, `"params"`, and its settings, which may be changed.
    state
        What is remembered of each parameter.

    Raises
    ------
    TypeError, ValueError
        If there are no parameters, or others than leaves.

    Examples
    --------
    >>> import pullback as pb
    >>> w = pb.nn.Parameter(pb.ones(1))
    >>> optimizer = pb.optim.SGD([w], lr=0.5)
    >>> (3 * w).sum().backward()
    >>> optimizer.step()
    >>> w
    Parameter containing:
    tensor([-0.5000], requires_grad=True)
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Recorded):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + params._kind()
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._before: list[Any] = []
        self._after: list[Any] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(dict(group))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _hooked(cls.__dict__["step"])  # type: ignore[method-assign]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with settings of their own.

        Parameters
        ----------
        param_group
            `"params"`, and settings.

        Raises
        ------
        TypeError, ValueError
            If they are no leaves, belong to another group, or a setting is missing.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = _listed(param_group["params"])
        if params and isinstance(params[0], tuple):
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        _check_leaves(params)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
            param_group.setdefault(name, default)
        if len(set(params)) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                "an error; see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        known = set(chain.from_iterable(group["params"] for group in self.param_groups))
        if not known.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        param_group["params"] = params
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = False) -> None:
        """Set the gradients of all parameters to zero, or to None.

        Parameters
        ----------
        set_to_none
            Drop gradients, instead of writing zeros: `p.grad` is None then until the next `backward`.
        """
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change all parameters by one step: subclasses say how.

        Raises
        ------
        NotImplementedError
            If they do not.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what a step is")

    # ---- hooks
    def register_step_pre_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step; what it gives takes the place of both."""
        self._before.append(hook)
        return Handle(self._before, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        self._after.append(hook)
        return Handle(self._after, hook)

    # ---- state
    def state_dict(self) -> dict[str, Any]:
        """Settings and what is remembered, with numbers in place of parameters.

        Returns
        -------
        dict
            `"state"` and `"param_groups"`.
        """
        numbers: dict[Any, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(p, len(numbers))
            packed = {name: value for name, value in group.items() if name != "params"}
            packed["params"] = [numbers[p] for p in group["params"]]
            groups.append(packed)
        state = {(numbers[p] if isinstance(p, Tensor) else p): s for p, s in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` gave.

        Parameters
        ----------
        state_dict
            Of an optimizer of the same kind, with as many parameters in each group.

        Raises
        ------
        ValueError
            If there are other groups.
        """
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(self.param_groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                "group"
            )
        numbers = chain.from_iterable(group["params"] for group in saved)
        params = dict(zip(numbers, chain.from_iterable(g["params"] for g in self.param_groups), strict=True))
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            state[params.get(key, key)] = (
                {n: _like(params[key], n, v) for n, v in value.items()}
                if key in params
                else copy.deepcopy(value)
            )
        self.param_groups = [
            {**copy.deepcopy({k: v for k, v in new.items() if k != "params"}), "params": old["params"]}
            for old, new in zip(self.param_groups, saved, strict=True)
        ]
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._before, self._after = [], []

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for k, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {k}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
        return "\n".join([*lines, ")"])


def _listed(params: Any) -> list[Any]:
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors "
            "in sets will change between runs. Please use a list instead."
        )
    return [params] if isinstance(params, Recorded) else list(params)


def _check_leaves(params: list[Any]) -> None:
    for p in params:
        if not isinstance(p, Tensor):
            raise TypeError(
                f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}"
            )
        if p._fn is not None and not p.retains_grad:
            raise ValueError("can't optimize a non-leaf Tensor")


def _like(parameter: Tensor, name: str, value: Any) -> Any:
    """A remembered value, of the dtype of the parameter: its own copy; steps stay as they are."""
    if not isinstance(value, (Tensor, np.ndarray)):
        return copy.deepcopy(value)
    array = value._a if isinstance(value, Tensor) else value
    kind = parameter._a.dtype if name != "step" and array.dtype.kind == "f" else array.dtype
    return wrap(Tensor, array.astype(kind))


def _hooked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A step with the hooks of the optimizer, outside of the graph."""

    @functools.wraps(step)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        for hook in list(self._before):
            given = hook(self, args, kwargs)
            if given is not None:
                args, kwargs = given
        with no_grad():
            result = step(self, *args, **kwargs)
        for hook in list(self._after):
            hook(self, args, kwargs)
        return result

    return hooked


def evaluated(closure: Callable[[], Any] | None) -> Any:
    """The loss that the closure of a step computes, which is recorded."""
    if closure is None:
        return None
    with enable_grad():
        return closure()


def with_gradients(params: Iterable[Any]) -> list[tuple[Any, Any]]:
    """The parameters that have a gradient, with its array."""
    return [(p, p._grad._a) for p in params if p._grad is not None]
