"""Machine code from Numba's disk cache, without LLVM's text of it.

    Numba   load the machine code; parse the text, and ask it for the name of everything in it
    here    load the machine code; parse the text when it has to be linked into another function

The text is there for callers that inline it. What is called by its address, or by Python, needs none of it.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import binding
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import compile_result

TRIED = (0, 68)
"""The version of Numba whose insides are used here, and where generated files are compiled."""


class Stored(JITCodeLibrary):  # type: ignore[misc]
    """A library that was read from the disk."""

    _text: bytes | None = None
    _shared_module: Any

    def _get_module_for_linking(self) -> Any:
        if self._shared_module is None:
            self._shared_module, self._text = binding.parse_bitcode(self._text), None
        return self._shared_module

    @classmethod
    def read(cls, codegen: Any, name: str, code: tuple[bytes, bytes], defined: list[str]) -> Stored:
        """Load the machine code of a library, which defines these names, and more that nobody asks for."""
        self = cls(codegen, name)
        machine_code, self._text = code
        self.enable_object_caching()
        self._set_compiled_object(machine_code)
        self._finalize_final_module()
        codegen._engine._defined_symbols.update(
            name for name in defined if name.encode() + b"\0" in machine_code
        )
        return self


def without_text(function: Any) -> Any:
    """Have a function under `numba.njit` come from the disk in this way, under the Numba that this is for."""
    stored = getattr(getattr(function, "_cache", None), "_impl", None)
    if stored is not None and numba.version_info.short == TRIED:
        stored.rebuild = _rebuild
    return function


def _rebuild(context: Any, payload: tuple[Any, ...]) -> Any:
    """What Numba kept → what it would have compiled, as `CompileResult._rebuild`."""
    (name, kind, code), fndesc, env, signature, objectmode, lifted, annotation, reload, environments = payload
    if kind != "object":
        raise ValueError(f"{name} is kept as {kind}")
    for step in reload:
        step()
    defined = [fndesc.llvm_func_name, fndesc.llvm_cpython_wrapper_name, fndesc.llvm_cfunc_wrapper_name]
    library = Stored.read(context.codegen(), name, code, defined)
    made = compile_result(
        target_context=context,
        typing_context=context.typing_context,
        library=library,
        environment=env,
        entry_point=context.get_executable(library, fndesc, env),
        fndesc=fndesc,
        type_annotation=annotation,
        signature=signature,
        objectmode=objectmode,
        lifted=lifted,
        reload_init=reload,
        referenced_envs=environments,
    )
    for known in environments:
        library.codegen.set_env(known.env_name, known)
    return made
