"""How Numba compiles generated files: with the passes that such text needs.

    bytecode ─► Numba's IR ─► types ─► LLVM's IR ─► variables in registers ─► one optimised module

Numba's own pipeline looks for closures, comprehensions, `with`, array expressions and constant branches, none
of which are generated, and has LLVM optimise every function alone before it optimises the module they are in.
Text with `parallel=True` takes Numba's own pipeline, and so does all text under a Numba that this has not
been tried with: what is used here is not Numba's public interface.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from llvmlite.binding import create_new_function_pass_manager, set_option
from numba.core import typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase
from numba.core.compiler_machinery import PassManager, register_pass

from ...runtime.stored import TRIED, without_text
from .numba_lowering import Lower
from .numba_passes import Rewrites, SingleAssignments, StripPhis, Types

PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    Rewrites,
    untyped_passes.RewriteDynamicRaises,
    SingleAssignments,
    Types,
    StripPhis,
    typed_passes.InlineOverloads,
    typed_passes.NoPythonSupportedFeatureValidation,
    typed_passes.IRLegalization,
)


class Library(JITCodeLibrary):  # type: ignore[misc]
    """A module of LLVM whose functions are not optimised before they are in it, but for their variables."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout
        builder = self._codegen._pass_builder(opt=0, loop_vectorize=False, slp_vectorize=False)
        for function in ll_module.functions:
            if not function.is_declaration:
                manager = create_new_function_pass_manager()
                manager.add_sroa_pass()
                manager.add_refprune_pass()
                manager.run(function, builder)

    def _finalize_specific(self) -> None:
        """Machine code, without LLVM's search for the cheapest addresses in loops.

        It takes half of the time that machine code takes, two thirds in large functions, and the code is as
        fast (55 benchmarks, interleaved). The option is the process's, where one thread compiles at a time.
        """
        set_option("", "--disable-lsr")
        try:
            super()._finalize_specific()
        finally:
            set_option("", "--disable-lsr=false")


@register_pass(mutates_CFG=True, analysis_only=False)
class Lowering(typed_passes.NativeLowering):  # type: ignore[misc]
    """To machine code, in a `Library`."""

    _name = "pullback_lowering"

    @property
    def lowering_class(self) -> Any:
        """What writes LLVM's IR."""
        return Lower

    def run_pass(self, state: Any) -> bool:
        """Make the library that Numba's pass would make."""
        state.library = Library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return bool(super().run_pass(state))


class Pipeline(CompilerBase):  # type: ignore[misc]
    """The passes above."""

    def define_pipelines(self) -> list[Any]:
        """One list of passes: nothing falls back to objects."""
        manager = PassManager("pullback")
        for step in (*PASSES, Lowering, typed_passes.NoPythonBackend):
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


def njit(**options: Any) -> Callable[..., Any]:
    """`numba.njit` as generated files import it."""
    if not options.get("parallel") and numba.version_info.short == TRIED:
        options |= {"pipeline_class": Pipeline, "no_cfunc_wrapper": True}
    compiled = numba.njit(**options)
    return lambda function: without_text(compiled(function))
