"""Functions whose machine code all derivatives share.

Numba links what a function calls into it, also from the disk, and compiles it there again: a derivative that
solves a system would hold LAPACK's checks and the texts of their errors, and take a second longer to compile.
A shared function is compiled once on a machine, in Numba's cache, and called by its address:

    support.solve(a, b)    →    if not slot: slot = look_up("pullback.runtime.support solve types")
                                slot(a, b)

The slot is a variable of the caller's machine code, empty when that is loaded: code from the disk finds the
address when it first calls, so nothing has to be remembered beside it.
"""

from __future__ import annotations

import base64
import ctypes
import functools
import importlib
import pickle
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

LOOK_UP = "pullback_look_up"
"""The name by which compiled code calls `_look_up`."""
_WORD = ir.IntType(64)


def shared(compiled: Any) -> Any:
    """A function under `numba.njit`, in the namespace of its module, that compiled code calls by address."""
    function = functools.wraps(compiled)(lambda *args: compiled(*args))
    lend(function, lambda kinds: compiled)
    return function


def lend(function: Callable[..., Any], choose: Callable[[Sequence[Any]], Any]) -> None:
    """Have compiled code call, in place of `function`, the one that is chosen for the types of arguments."""
    function.chosen = choose  # type: ignore[attr-defined]

    class Typed(AbstractTemplate):  # type: ignore[misc]
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return None if kws else signature(_compiled(choose(args), args).signature.return_type, *args)

    infer_global(function, types.Function(Typed))

    @lower_builtin(function, types.VarArg(types.Any))  # type: ignore[untyped-decorator]
    def lower(context: Any, builder: Any, kind: Any, args: Any) -> Any:
        return call(context, builder, function, kind, args)


def call(context: Any, builder: Any, function: Callable[..., Any], kind: Any, args: Any) -> Any:
    """Call a shared function by its address, with arguments of a signature; its errors are the caller's."""
    known = base64.b64encode(pickle.dumps(tuple(kind.args))).decode()
    address = _address(context, builder, f"{function.__module__} {function.__qualname__} {known}")
    called = context.call_conv.get_function_type(kind.return_type, kind.args).as_pointer()
    status, result = context.call_conv.call_function(
        builder, builder.inttoptr(address, called), kind.return_type, kind.args, args
    )
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return result


def _address(context: Any, builder: Any, what: str) -> Any:
    """What is in the slot, which is filled if it is empty."""
    slot = cgutils.add_global_variable(builder.module, _WORD, "pullback.slot")
    slot.linkage, slot.initializer = "internal", _WORD(0)
    with cgutils.if_unlikely(builder, cgutils.is_null(builder, builder.load(slot))):
        text = context.insert_const_string(builder.module, what)
        look_up = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_WORD, [text.type]), LOOK_UP)
        found = builder.call(look_up, [text])
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, found)):
            context.call_conv.return_user_exc(builder, RuntimeError, (f"cannot compile {what.split()[1]}",))
        builder.store(found, slot)
    return builder.load(slot)


@ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_char_p)  # type: ignore[untyped-decorator]
def _look_up(what: bytes) -> int:
    """The address of a shared function, which is compiled or read from Numba's cache."""
    module, name, known = what.decode().split()
    kinds = pickle.loads(base64.b64decode(known))
    found = _compiled(getattr(importlib.import_module(module), name).chosen(kinds), kinds)
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


def _compiled(compiled: Any, kinds: Sequence[Any]) -> Any:
    compiled.compile(tuple(kinds))
    return compiled.overloads[tuple(kinds)]


binding.add_symbol(LOOK_UP, ctypes.cast(_look_up, ctypes.c_void_p).value)
