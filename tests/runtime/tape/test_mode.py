"""Recording switched on and off: blocks, decorators, generators, threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from typing import Any

import pytest
from pullback.runtime.tape.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from pullback.runtime.tensor.namespace import NAMES


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    assert is_grad_enabled()
    yield
    assert is_grad_enabled() and not is_inference_mode_enabled()


def recorded() -> bool:
    x = NAMES["ones"](1, requires_grad=True)
    result: bool = (x * 2).requires_grad
    assert result == is_grad_enabled()
    return result


def test_blocks() -> None:
    with no_grad():
        assert not recorded()
        with enable_grad():
            assert recorded()
            with no_grad():
                assert not recorded()
            assert recorded()
        assert not recorded()
    assert recorded()


def test_one_switch_nested_in_itself() -> None:
    switch = no_grad()
    with switch:
        with switch:
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_exceptions_restore() -> None:
    for switch in (no_grad, lambda: set_grad_enabled(False), inference_mode):
        with pytest.raises(KeyError), switch():
            raise KeyError
        assert recorded()


def test_set_grad_enabled_as_a_function() -> None:
    set_grad_enabled(False)
    assert not recorded()
    set_grad_enabled(True)
    assert recorded()


@pytest.mark.parametrize("wanted", [True, False])
def test_set_grad_enabled_as_a_block(wanted: bool) -> None:
    with no_grad():
        with set_grad_enabled(wanted):
            assert recorded() is wanted
        assert not recorded()


def test_set_grad_enabled_as_a_decorator_leaves_the_mode() -> None:
    @set_grad_enabled(False)
    def f() -> bool:
        return recorded()

    assert recorded() and not f() and recorded()


@pytest.mark.parametrize("decorate", [no_grad(), no_grad, inference_mode(), inference_mode])
def test_decorators(decorate: Any) -> None:
    @decorate
    def f(a: int, *, b: int = 2) -> tuple[int, bool]:
        """Says what it does."""
        return a + b, recorded()

    assert f(1, b=3) == (4, False)
    assert f.__name__ == "f" and f.__doc__ == "Says what it does."


def test_decorated_recursion() -> None:
    @no_grad()
    def f(n: int) -> int:
        assert not recorded()
        return n and 1 + f(n - 1)

    assert f(5) == 5


def test_decorated_methods() -> None:
    class Model:
        @no_grad()
        def plain(self) -> Any:
            return self, recorded()

        @staticmethod
        @no_grad()
        def static() -> bool:
            return recorded()

        @classmethod
        @no_grad()
        def of_class(cls) -> Any:
            return cls, recorded()

        @property
        @no_grad()
        def value(self) -> bool:
            return recorded()

    model = Model()
    assert model.plain() == (model, False)
    assert not Model.static() and Model.of_class() == (Model, False) and not model.value


def test_classes_are_not_decorated() -> None:
    with pytest.raises(TypeError, match="no_grad decorates functions and methods"):

        @no_grad()
        class Model:
            pass


def test_generators_switch_while_they_run() -> None:
    @no_grad()
    def numbers() -> Generator[int, int, str]:
        total = 0
        while total < 10:
            assert not recorded()
            total += yield total
        return "end"

    generator = numbers()
    assert recorded() and next(generator) == 0 and recorded()
    assert generator.send(4) == 4 and recorded()
    with no_grad(), enable_grad():
        assert generator.send(4) == 8
        assert recorded()
    with pytest.raises(StopIteration) as stop:
        generator.send(4)
    assert stop.value.value == "end"


def test_generators_get_exceptions() -> None:
    seen: list[Any] = []

    @no_grad()
    def numbers() -> Generator[int, None, None]:
        try:
            yield 1
        except KeyError:
            seen.append(recorded())
            yield 2
        finally:
            seen.append(recorded())

    generator = numbers()
    next(generator)
    assert generator.throw(KeyError()) == 2 and recorded()
    generator.close()
    assert seen == [False, False] and recorded()


def test_generators_left_alone_do_not_leak_the_mode() -> None:
    @no_grad()
    def numbers() -> Iterator[int]:
        yield from range(3)

    for n in numbers():
        assert recorded()
        if n == 1:
            break
    assert recorded()


def test_coroutines() -> None:
    seen: list[bool] = []

    @no_grad()
    async def work() -> bool:
        before = recorded()
        await asyncio.sleep(0)
        return before or recorded()

    async def other() -> None:
        for _ in range(3):
            seen.append(recorded())
            await asyncio.sleep(0)

    async def both() -> bool:
        return (await asyncio.gather(work(), other()))[0]

    assert asyncio.run(both()) is False
    assert seen == [True, True, True]


def test_asynchronous_generators() -> None:
    @no_grad()
    async def numbers() -> Any:
        for n in range(2):
            yield n, recorded()

    async def collect() -> list[Any]:
        found = []
        async for item in numbers():
            found.append((*item, recorded()))
        return found

    assert asyncio.run(collect()) == [(0, False, True), (1, False, True)]


def test_threads_have_their_own() -> None:
    seen: list[bool] = []
    inside, checked = threading.Event(), threading.Event()

    def work() -> None:
        seen.append(recorded())
        with no_grad():
            inside.set()
            checked.wait(5)
            seen.append(recorded())

    thread = threading.Thread(target=work)
    with no_grad():
        thread.start()
    inside.wait(5)
    assert recorded()
    checked.set()
    thread.join()
    assert seen == [True, False]


def test_inference_mode() -> None:
    with inference_mode():
        assert is_inference_mode_enabled() and not recorded()
        with inference_mode(False):
            assert not is_inference_mode_enabled() and recorded()
        assert is_inference_mode_enabled() and not recorded()
        with enable_grad():
            assert is_inference_mode_enabled()


def test_leaves_made_without_recording_are_leaves() -> None:
    with no_grad():
        x = NAMES["ones"](1, requires_grad=True)
        y = x * 2
    assert x.requires_grad and y.is_leaf and not y.requires_grad
