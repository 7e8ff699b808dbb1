"""What operations take: `profile` times those of tensors, forward and backward, while it is on.

On entering it puts timed versions in the place of the functions and methods of tensors, and takes them off
again: a profiler that is off costs nothing. Calls of all threads are seen.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from ..tape import engine
from ..tape.node import Node, Recorded
from ..tensor.namespace import NAMES
from ..tensor.table import FUNCTIONS, METHODS
from ..tensor.tensor import Tensor
from .events import EventList, FunctionEvent, FunctionEventAvg, tree

F = TypeVar("F", bound=Callable[..., Any])

_ENGINE = "autograd::engine::evaluate_function: "
_LEAF = "torch::autograd::AccumulateGrad"
# Modules whose functions are timed too, besides the tables of tensors.
_MODULES = ("pullback", "pullback.nn.functional", "pullback.runtime.nn.functional")
# Functions of the tables that compute nothing.
_NO_OPERATION = ("set_", "get_", "is_", "printoptions", "manual_seed", "__iter__", "__len__", "__deepcopy__")
_OPERATORS = {
    "truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "getitem": "index",
    "setitem": "index_put_", "invert": "bitwise_not", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
_REFLECTED = {"radd", "rmul", "rtruediv", "rpow", "rfloordiv", "rmod", "rand", "ror", "rxor", "rmatmul"}


def operation_name(name: str) -> str:
    """What PyTorch calls the operation of a function or method: `"aten::mul"` for `__rmul__`."""
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name in _REFLECTED:
            name = name[1:]
        elif name[0] == "i" and name[1:] in {"add", "sub", "mul", "truediv", "pow", "floordiv", "mod", "and",
                                             "or", "xor", "matmul"}:  # fmt: skip
            return f"aten::{_OPERATORS.get(name[1:], name[1:])}_"
        name = _OPERATORS.get(name, name)
    return f"aten::{name}"


class _Recorder:
    """Collects what timed functions tell: appending to a list is safe in threads."""

    def __init__(self, shapes: bool, memory: bool, stack: bool, flops: bool) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.shapes, self.memory, self.stack, self.flops = shapes, memory, stack, flops
        self.start = time.perf_counter_ns()

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """`function`, with each call told."""
        clock, thread, tell = time.perf_counter_ns, threading.get_ident, self.rows.append
        if self.shapes or self.memory or self.stack or self.flops:
            return self._observed(function, name)

        @functools.wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            start = clock()
            try:
                return function(*args, **kwargs)
            finally:
                tell((name, thread(), start, clock()))

        return timed

    def _observed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def observed(*args: Any, **kwargs: Any) -> Any:
            with self.span(name, args) as about:
                about.result = result = function(*args, **kwargs)
            return result

        return observed

    def span(self, name: str, args: tuple[Any, ...] = (), user: bool = False) -> _Span:
        return _Span(self, name, args, user)

    def watch(self, node: Any, step: Callable[[], Any]) -> Any:
        """A step of a backward pass, as two events: the engine's and the node's."""
        name = node.name() if isinstance(node, Node) else _LEAF
        with self.span(_ENGINE + name), self.span(name) as about:
            about.result = result = step()
        return result

    def events(self) -> EventList:
        """All that was told, as events."""
        threads: dict[int, int] = {}
        made = []
        for name, thread, start, end, *more in sorted(self.rows, key=lambda row: (row[2], -row[3])):
            number = threads.setdefault(thread, len(threads) + 1)
            event = FunctionEvent(0, name, number, (start - self.start) / 1e3, (end - self.start) / 1e3)
            if more:
                event.input_shapes, event.cpu_memory_usage, event.stack, event.flops = more[:4]
                event.is_user_annotation = more[4]
            made.append(event)
        made = tree(made)
        for number, event in enumerate(made, 1):
            event.id = number
        for event in reversed(made):  # a result is memory of all calls that it was made in
            inner = sum(child.cpu_memory_usage for child in event.cpu_children)
            event.cpu_memory_usage = max(event.cpu_memory_usage, inner)
        return EventList(made, profile_memory=self.memory, with_flops=self.flops)


class _Span:
    """A stretch of time that is told as an event, with what it was asked to note."""

    __slots__ = ("args", "name", "recorder", "result", "start", "user")

    def __init__(self, recorder: _Recorder, name: str, args: tuple[Any, ...], user: bool) -> None:
        self.recorder, self.name, self.args, self.user = recorder, name, args, user
        self.result: Any = None

    def __enter__(self) -> _Span:
        self.start = time.perf_counter_ns()
        return self

    def __exit__(self, *exc: object) -> None:
        end = time.perf_counter_ns()
        r = self.recorder
        shapes = [_shape(a) for a in self.args] if r.shapes else []
        memory = _allocated(self.result) if r.memory else 0
        stack = _stack() if r.stack else []
        flops = _count(self.name, self.args, self.result) if r.flops else 0
        r.rows.append(
            (self.name, threading.get_ident(), self.start, end, shapes, memory, stack, flops, self.user)
        )


def _shape(value: Any) -> list[int]:
    return list(value._a.shape) if isinstance(value, Recorded) else []


def _allocated(result: Any) -> int:
    """The bytes of results that have memory of their own."""
    if isinstance(result, (tuple, list)):
        return sum(_allocated(one) for one in result)
    array = result._a if isinstance(result, Recorded) else result
    return array.nbytes if isinstance(array, np.ndarray) and array.base is None else 0


def _stack() -> list[str]:
    """The lines of the code that called, the innermost first, without pullback's own."""
    lines = []
    frame: Any = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if not frame.f_globals.get("__name__", "").startswith("pullback."):
            lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return lines


def _count(name: str, args: tuple[Any, ...], result: Any) -> int:
    """Multiplications and additions, of the operations that PyTorch counts."""
    if not isinstance(result, Recorded) or not args or not isinstance(args[0], Recorded):
        return 0
    size = int(result._a.size)
    if name in ("aten::mul", "aten::add", "aten::sub", "aten::div"):
        return size
    if name in ("aten::mm", "aten::matmul", "aten::bmm", "aten::dot", "aten::mv", "aten::linear"):
        return 2 * size * int(args[0]._a.shape[-1])
    return 0


_active: list[_Recorder] = []
_lock = threading.Lock()


class profile:
    """Time the operations of tensors inside of a `with` block.

    Parameters
    ----------
    enabled
        False makes it do nothing.
    use_cuda, use_device
        There is no other device: a warning.
    record_shapes
        Note the shapes of arguments, to group by.
    with_flops
        Count multiplications and additions of products of matrices and arithmetic.
    profile_memory
        Note the bytes of results.
    with_stack
        Note the lines of code that called.
    with_modules, use_kineto, use_cpu, experimental_config, acc_events
        Have no effect.

    Raises
    ------
    RuntimeError
        If a profiler is on already, or results are asked for before the end.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(3, requires_grad=True)
    >>> with pb.autograd.profiler.profile() as prof:
    ...     for _ in range(5):
    ...         y = x * 2
    >>> [(event.key, event.count) for event in prof.key_averages()]
    [('aten::mul', 5)]
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        experimental_config: Any = None,
        acc_events: bool = False,
    ) -> None:
        if use_cuda or use_device not in (None, "cpu"):
            name = "CUDA" if use_cuda else str(use_device)
            warnings.warn(f"{name} is not available, disabling {name} profiling", UserWarning, stacklevel=2)
        self.enabled = enabled
        self.entered = False
        self.function_events: EventList | None = None
        self._options = (record_shapes, profile_memory, with_stack, with_flops)
        self._recorder: _Recorder | None = None
        self._taken: list[Callable[[], None]] = []

    def __enter__(self) -> profile:
        if not self.enabled:
            return self
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        recorder = _Recorder(*self._options)
        with _lock:
            if _active:
                raise RuntimeError("a profiler is on already: only one can be at a time")
            _active.append(recorder)
            self.entered = True
            self._recorder = recorder
            self._taken = _install(recorder)
            engine.watchers.append(recorder.watch)
        return self

    def __exit__(self, *exc: object) -> None:
        recorder = self._recorder
        if not self.enabled or recorder is None:
            return
        with _lock:
            engine.watchers.remove(recorder.watch)
            for put_back in self._taken:
                put_back()
            self._taken.clear()
            _active.remove(recorder)
        self.function_events = recorder.events()

    def _finished(self) -> EventList:
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")
        return self.function_events

    def __repr__(self) -> str:
        return "<unfinished profiler>" if self.function_events is None else repr(self.function_events)

    def __str__(self) -> str:
        return "<unfinished profiler>" if self.function_events is None else str(self.function_events)

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """The calls as a table, one row each; see `EventList.table`."""
        return self._finished().table(sort_by, row_limit, **options)

    def key_averages(
        self,
        group_by_input_shape: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """The calls of each operation as one entry; see `EventList.key_averages`."""
        return self._finished().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all calls."""
        return self._finished().total_average()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a file that `ui.perfetto.dev` and `chrome://tracing` show."""
        self._finished().export_chrome_trace(path)

    def export_stacks(self, path: str | os.PathLike[str], metric: str = "self_cpu_time_total") -> None:
        """Write stacks and times, as flame graphs are made from; needs `with_stack`."""
        self._finished().export_stacks(path, metric)

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all calls, in microseconds."""
        return self._finished().self_cpu_time_total


def _install(recorder: _Recorder) -> list[Callable[[], None]]:
    """Put timed functions in place; what puts the others back."""
    put_back: list[Callable[[], None]] = []
    timed: dict[int, tuple[Any, Callable[..., Any]]] = {}

    def version(function: Any, name: str) -> Callable[..., Any]:
        if id(function) not in timed:
            timed[id(function)] = (function, recorder.timed(function, operation_name(name)))
        return timed[id(function)][1]

    def in_mapping(mapping: dict[str, Any], names: list[str]) -> None:
        for name in names:
            known = mapping[name]
            mapping[name] = version(known, name)
            put_back.append(functools.partial(mapping.__setitem__, name, known))

    for name in [n for n in METHODS if not n.startswith(_NO_OPERATION)]:
        known = vars(Tensor).get(name)
        if callable(known):
            setattr(Tensor, name, recorder.timed(known, operation_name(name)))
            put_back.append(functools.partial(setattr, Tensor, name, known))
    functions = [n for n in FUNCTIONS if not n.startswith(_NO_OPERATION)]
    in_mapping(FUNCTIONS, functions)
    in_mapping(NAMES, [n for n in functions if n in NAMES])
    for module in [sys.modules[m] for m in _MODULES if m in sys.modules]:
        space = vars(module)
        in_mapping(space, [n for n, f in space.items() if id(f) in timed or _operation(module, n, f)])
    return put_back


def _operation(module: Any, name: str, function: Any) -> bool:
    """Whether a member of a module is an operation of `nn.functional`."""
    home = getattr(function, "__module__", None) or ""
    return (
        module.__name__.endswith("nn.functional")
        and not name.startswith("_")
        and callable(function)
        and not isinstance(function, type)
        and home.startswith("pullback.runtime.")
    )


class record_function:
    """Show a stretch of code in the profile under a name; as a decorator, each call of a function.

    Parameters
    ----------
    name
        What to call it.
    args
        Has no effect.

    Examples
    --------
    >>> import pullback as pb
    >>> with pb.autograd.profiler.profile() as prof:
    ...     with pb.autograd.profiler.record_function("setup"):
    ...         x = pb.ones(3)
    >>> [event.key for event in prof.key_averages()]
    ['setup', 'aten::ones']
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self._open: list[_Span] = []

    def __enter__(self) -> record_function:
        if _active:
            span = _active[-1].span(self.name, user=True)
            self._open.append(span.__enter__())
        return self

    def __exit__(self, *exc: object) -> None:
        if self._open:
            self._open.pop().__exit__()

    def __call__(self, function: F) -> F:
        @functools.wraps(function)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return named  # type: ignore[return-value]


class emit_nvtx:
    """Not supported: markers for NVIDIA's profiler.

    Raises
    ------
    RuntimeError
        Always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError(
            "emit_nvtx marks ranges for NVIDIA's profiler, and pullback computes on the CPU: use "
            "pullback.autograd.profiler.profile"
        )


__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "emit_nvtx", "profile", "record_function"]
