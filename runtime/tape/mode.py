"""Whether operations are recorded: a switch of each thread, as context managers and decorators.

>>> import pullback as pb
>>> x = pb.ones(2, requires_grad=True)
>>> with pb.no_grad():
...     y = x * 2
>>> y.requires_grad
False
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    enabled = True
    inference = False
    # The hooks of `saved_tensors_hooks`, the innermost last, and what refuses them.
    savers: tuple[Any, ...] = ()
    refusal: str | None = None


mode = _Mode()


class _Switch:
    """A context manager that sets the switch and puts it back; as a decorator, for each call.

    A generator or coroutine switches each time that it runs, and back each time that it yields or waits, so
    the code around it keeps its own mode.
    """

    wanted = True

    def __init__(self) -> None:
        self._before: list[tuple[bool, bool]] = []

    def __enter__(self) -> None:
        self._before.append((mode.enabled, mode.inference))
        mode.enabled = self.wanted

    def __exit__(self, *exc: object) -> None:
        mode.enabled, mode.inference = self._before.pop()

    def _again(self) -> _Switch:
        """A switch like this one, for one call of a decorated function."""
        return type(self)()

    def __call__(self, function: F) -> F:
        if inspect.isclass(function):
            raise TypeError(
                f"{type(self).__name__} decorates functions and methods, not the class {function}"
            )
        if inspect.isgeneratorfunction(function):
            return self._generator(function)
        if inspect.iscoroutinefunction(function):
            return self._coroutine(function)
        if inspect.isasyncgenfunction(function):
            return self._asynchronous(function)

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]

    def _driven(self, generator: Any) -> Generator[Any, Any, Any]:
        """A generator that runs another one, switched while that runs."""
        try:
            with self._again():
                item = next(generator)
            while True:
                try:
                    sent = yield item
                except GeneratorExit:
                    with self._again():
                        generator.close()
                    raise
                except BaseException as error:
                    with self._again():
                        item = generator.throw(error)
                else:
                    with self._again():
                        item = generator.send(sent)
        except StopIteration as stop:
            return stop.value

    def _generator(self, function: F) -> F:
        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            return (yield from self._driven(function(*args, **kwargs)))

        return switched  # type: ignore[return-value]

    def _coroutine(self, function: F) -> F:
        @functools.wraps(function)
        async def switched(*args: Any, **kwargs: Any) -> Any:
            return await _Steps(self, function(*args, **kwargs))

        return switched  # type: ignore[return-value]

    def _asynchronous(self, function: F) -> F:
        @functools.wraps(function)
        async def switched(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            items = function(*args, **kwargs)
            try:
                item = await _Steps(self, items.asend(None))
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await _Steps(self, items.aclose())
                        raise
                    except BaseException as error:
                        item = await _Steps(self, items.athrow(error))
                    else:
                        item = await _Steps(self, items.asend(sent))
            except StopAsyncIteration:
                return

        return switched  # type: ignore[return-value]


class _Steps:
    """Awaits something, switched while that runs and as it was while that waits."""

    def __init__(self, switch: _Switch, awaited: Any) -> None:
        self.switch, self.awaited = switch, awaited

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.switch._driven(self.awaited.__await__())


class enable_grad(_Switch):
    """Record operations, also inside of `no_grad`.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(1, requires_grad=True)
    >>> with pb.no_grad(), pb.enable_grad():
    ...     (x * 2).requires_grad
    True
    """


class no_grad(_Switch):
    """Do not record operations: results do not require a gradient.

    Usable as `with no_grad():`, and as the decorator `@no_grad()` or `@no_grad`.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(1, requires_grad=True)
    >>> @pb.no_grad()
    ... def double(t):
    ...     return t * 2
    >>> double(x).requires_grad
    False
    """

    wanted = False

    def __new__(cls, function: Any = None) -> Any:
        switch = super().__new__(cls)
        if function is None:
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(function)


class set_grad_enabled(_Switch):
    """Record operations or not, from now on; as a context manager, for its block.

    Parameters
    ----------
    mode
        Whether to record.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(1, requires_grad=True)
    >>> with pb.set_grad_enabled(False):
    ...     (x * 2).requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.wanted = bool(mode)
        self._first: tuple[bool, bool] | None = (_now().enabled, _now().inference)
        _now().enabled = self.wanted

    def __enter__(self) -> None:
        before = self._first or (_now().enabled, _now().inference)
        self._first = None
        self._before.append(before)
        _now().enabled = self.wanted

    def __call__(self, function: F) -> F:
        if self._first:  # it decorates: the switch itself was not meant
            _now().enabled, self._first = self._first[0], None
        return super().__call__(function)

    def _again(self) -> _Switch:
        return set_grad_enabled(self.wanted)


class inference_mode(_Switch):
    """Do not record operations, as `no_grad`.

    Results are tensors like others, which may be recorded and written to later: PyTorch refuses that. To mark
    them, operations on constants would have to ask for the mode too.

    Parameters
    ----------
    mode
        False records as usual inside of another `inference_mode`.

    Examples
    --------
    >>> import pullback as pb
    >>> x = pb.ones(1, requires_grad=True)
    >>> with pb.inference_mode():
    ...     (x * 2).requires_grad
    False
    """

    def __new__(cls, mode: Any = True) -> Any:
        switch = super().__new__(cls)
        if isinstance(mode, bool):
            return switch
        switch.__init__()  # type: ignore[misc]
        return switch(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.inference = bool(mode)
        self.wanted = not self.inference

    def __enter__(self) -> None:
        super().__enter__()
        mode.inference = self.inference

    def _again(self) -> _Switch:
        switch: _Switch = inference_mode(self.inference)
        return switch


def _now() -> _Mode:
    return mode


def is_grad_enabled() -> bool:
    """Whether operations of this thread are recorded.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_grad_enabled()
    True
    """
    return mode.enabled


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in `inference_mode`.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.is_inference_mode_enabled()
    False
    """
    return mode.inference
