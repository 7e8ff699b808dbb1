"""Programs that must be refused before they run: error class, guilty line, and what the message names.

They are refused when no fallback is allowed (`fallback="error"`). The guilty line ends with `# BAD`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

MARKER = "# BAD"
COUNT = 0
SETTINGS = {"rate": 0.5}


class Bad(NamedTuple):
    """One refused function; `fragment` stands in the message, in any case of letters."""

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    error: str
    marker: str
    fragment: str

    @property
    def line(self) -> int:
        """The line of this file that carries the marker."""
        lines, first = inspect.getsourcelines(self.fn)
        return first + next(k for k, text in enumerate(lines) if text.rstrip().endswith(self.marker))


BAD: list[Bad] = []


def refused(error: str, fragment: str, args: tuple[Any, ...] | None = None) -> Callable[[Any], Any]:
    """Enter a function in the list and return it unchanged; the default argument is an array of three."""

    def enter(fn: Callable[..., Any]) -> Callable[..., Any]:
        sample = (np.array([0.5, 1.0, 2.0]),) if args is None else args
        BAD.append(Bad(fn, sample, error, MARKER, fragment))
        return fn

    return enter


def total(*values):
    s = 0.0
    for v in values:
        s += v
    return s


@refused("UnsupportedSyntaxError", "generator expression")
def generator_expression(x):
    s = x[0]
    return s + sum(v * v for v in x)  # BAD


@refused("UnsupportedSyntaxError", "yield")
def generator_function(x):
    for v in x:
        yield v * v  # BAD


@refused("UnsupportedSyntaxError", "yield from")
def delegating_generator(x):
    yield from x  # BAD


@refused("UnsupportedSyntaxError", "yield")
def generator_inside(x):
    def squares():
        for v in x:
            yield v * v  # BAD

    s = 0.0
    for w in squares():
        s += w
    return s


@refused("UnsupportedSyntaxError", "async")
async def coroutine(x):  # BAD
    return x[0] * x[1]


@refused("UnsupportedSyntaxError", "async")
def coroutine_inside(x):
    async def product():  # BAD
        return x[0] * x[1]

    return asyncio.run(product())


@refused("UnsupportedSyntaxError", "try")
def try_except(x):
    s = 1.0
    try:  # BAD
        s = s / x[0]
    except ZeroDivisionError:
        s = 0.0
    return s


@refused("UnsupportedSyntaxError", "try")
def try_finally(x):
    try:  # BAD
        s = x[0] * x[0]
    finally:
        x[0] = 0.0
    return s


@refused("UnsupportedSyntaxError", "with")
def with_statement(x):
    with np.errstate(divide="ignore"):  # BAD
        s = x[0] / x[1]
    return s


@refused("UnsupportedSyntaxError", "with")
def with_in_a_loop(x):
    s = 0.0
    for v in x:
        with contextlib.suppress(ValueError):  # BAD
            s += v * v
    return s


@refused("UnsupportedSyntaxError", "global")
def global_mutated(x):
    global COUNT  # BAD
    COUNT += 1
    return x[0] * COUNT


@refused("UnsupportedSyntaxError", "nonlocal")
def nonlocal_mutated(x):
    s = 0.0

    def add(v):
        nonlocal s  # BAD
        s += v * v

    for v in x:
        add(v)
    return s


@refused("UnsupportedSyntaxError", "del")
def del_name(x):
    y = x * x
    s = np.sum(y)
    del y  # BAD
    return s


@refused("UnsupportedSyntaxError", "del")
def del_list_element(x):
    parts = [x[0], x[1], x[2]]
    del parts[1]  # BAD
    return parts[0] * parts[1]


@refused("UnsupportedSyntaxError", "class")
def class_inside(x):
    class Point:  # BAD
        scale = 2.0

    return x[0] * Point.scale


@refused("UnsupportedSyntaxError", "import")
def import_inside(x):
    import math  # BAD

    return math.sin(x[0])


@refused("UnsupportedSyntaxError", "import")
def import_from_inside(x):
    from math import sin  # BAD

    return sin(x[0])


@refused("UnsupportedSyntaxError", "set")
def set_literal(x):
    s = 0.0
    for v in {x[0], x[1]}:  # BAD
        s += v
    return s


@refused("UnsupportedSyntaxError", "set comprehension")
def set_comprehension(x):
    return sum({v * v for v in x})  # BAD


@refused("UnsupportedSyntaxError", "dict comprehension")
def dict_comprehension(x):
    table = {i: x[i] * x[i] for i in range(len(x))}  # BAD
    return table[0] * table[1]


@refused("UnsupportedSyntaxError", "starred")
def starred_call_of_unknown_length(x):
    s = x[0]
    return s * total(*x)  # BAD


@refused("UnsupportedError", "np.unwrap")
def unwrap(x):
    y = 2.0 * x
    return np.sum(np.unwrap(x * y))  # BAD


@refused("UnsupportedError", "np.linalg.svd", (np.eye(2),))
def singular_values(a):
    s = np.linalg.svd(a)[1]  # BAD
    return s[0]


@refused("UnsupportedError", "os.getcwd")
def unknown_callee(x):
    depth = len(os.getcwd())  # BAD
    return x[0] * depth


@refused("UnsupportedError", "open")
def opens_a_file(x):
    f = open("numbers.txt")  # BAD
    return x[0] * len(f.read())


@refused("UnsupportedError", "warnings.warn")
def warns(x):
    if x[0] > 0.0:
        warnings.warn("positive")  # BAD
    return x[0]


@refused("UnsupportedError", "eval")
def evaluates_text(x):
    return eval("x[0] * x[1]")  # BAD


@refused("UnsupportedError", "getattr", (np.array([0.5, 1.0]), "sum"))
def attribute_by_name(x, name):
    return getattr(x, name)()  # BAD


@refused("UnsupportedError", "tolist")
def unknown_array_method(x):
    y = x.tolist()  # BAD
    return y[0] * y[1]


@refused("UnsupportedError", "string")
def formatted_text_as_a_value(x):
    label = f"{x[0]:.1f}"  # BAD
    return x[1] * len(label)


@refused("UnsupportedError", "string")
def text_of_a_number(x):
    digits = str(x[0])  # BAD
    return x[0] * 2.0 if digits.startswith("0") else x[0]


@refused("UnsupportedError", "SETTINGS")
def global_dict_mutated(x):
    SETTINGS["rate"] = x[0]  # BAD
    return x[0] * SETTINGS["rate"]


@refused("UnsupportedError", "read-only", (np.asfortranarray(np.eye(3, 4)),))
def writes_to_reshaped_result_in_the_layout_of_its_operand(a):
    g = 0.8 * a  # NumPy gives it Fortran order, and so reshape a copy
    v = g.reshape(-1)
    v[::2] = 0.7  # BAD
    return np.sum(g)


@refused("UnsupportedError", "read-only", (np.asfortranarray(np.eye(3, 4)),))
def writes_to_reshaped_fortran_array(a):
    f = a.T.reshape(12)
    f[2] = f[0] * f[7]  # BAD
    return np.sum(a * a)


@refused("UnsupportedError", "read-only", (np.ones((6, 8))[::2, 1::3],))
def writes_to_raveled_strided_array(a):
    f = a.ravel()
    f[0] = 2.0 * f[8]  # BAD
    return np.sum(a * a) + np.sum(f * f)


@refused("TypeMismatchError", "y")
def rank_changes_in_loop(x):
    y = x
    for _ in range(2):
        y = np.outer(y, x)  # BAD
    return np.sum(y)


@refused("TypeMismatchError", "total_")
def scalar_becomes_array_in_loop(x):
    total_ = 0.0
    for i in range(3):
        total_ = total_ + x * i  # BAD
    return np.sum(total_)


@refused("TypeMismatchError", "y")
def array_or_float_by_branch(x):
    if x[0] > 0.0:
        y = x * x
    else:
        y = 0.0  # BAD
    return np.sum(y)


@refused("TypeMismatchError", "y")
def tuple_or_float_by_branch(x):
    y = x[0]
    if x[0] > 0.0:
        y = (x[0], x[1])  # BAD
    return y[0] * 2.0


@refused("UnsupportedError", "parts")
def list_of_arrays_and_floats(x):
    parts = [x]
    for i in range(3):
        parts.append(x[i])  # BAD
    return np.sum(parts[0]) * len(parts)


@refused("UnsupportedError", "None")
def list_of_nones(x):
    total = []
    [total.append(v * v) for v in x]  # BAD
    return total[0]


@refused("TypeMismatchError", "return")
def returns_array_or_float(x):
    if x[0] > 0.0:
        return x * 2.0
    return 0.0  # BAD


@refused("TypeMismatchError", "str")
def number_plus_text(x):
    s = x[0] * 2.0
    return s + "1.0"  # BAD
