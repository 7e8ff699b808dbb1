"""The one runner of passes: run, verify, print if asked, take the time, keep the stages."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from .errors import InternalError, PullbackError
from .ir.calls import reached
from .ir.nodes import Function, Module
from .ir.text import show
from .ir.verify import verify
from .ir.walk import walk
from .options import Options
from .passes import CLEANUP, Passes
from .prims.registry import PRIMS
from .transform.cse import cse

MAX_ROUNDS = 4


class Runner:
    """Runs passes over modules; keeps every stage and the time it took."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seconds: dict[str, float] = {}
        self.stages: dict[str, Module] = {}

    def run(self, name: str, step: Callable[[], Module], before: Module | None = None) -> Module:
        """One pass: its result is verified under PULLBACK_VERIFY, and printed if PULLBACK_DUMP names it."""
        start = time.perf_counter()
        module = step()
        if self.options.verify:
            self._verify(name, module, before)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        if self.options.dumps(name):
            print(f"---- {name}\n{show(module)}", file=sys.stderr)
        return module

    def _verify(self, name: str, module: Module, before: Module | None = None) -> None:
        try:
            verify(module, PRIMS)
        except PullbackError as error:
            shown = "" if before is None else f"\n--- before {name}\n{show(before)}"
            raise InternalError(f"the pass '{name}' broke the IR: {error}{shown}") from error

    def fuse(self, module: Module, passes: Passes, cleanup: Passes = CLEANUP, *, visible: bool) -> Module:
        """Passes on loops over arrays, each followed by cleanup passes. `visible`: the caller sees what the
        entry writes to its parameters.
        """
        for step in passes:
            entry = partial(step, reassociate=self.options.fastmath, visible=visible)
            other = partial(step, reassociate=self.options.fastmath, visible=True, distinct_params=False)
            before = module
            module = self.run(step.__name__, partial(each, entry, before, other), before)
            if any(a is not b for a, b in zip(module, before, strict=False)):
                module = self.clean(module, cleanup)
        return module

    def keep(self, stage: str, module: Module) -> None:
        """Remember a stage for `f.ir(stage)`, and verify it; to verify every pass would take long."""
        self._verify(stage, module)
        self.stages[stage] = module

    def clean(self, module: Module, passes: Passes = CLEANUP) -> Module:
        """The cleanup passes, until they change nothing."""
        for _ in range(MAX_ROUNDS):
            size = _size(module)
            for step in passes:
                module = self.run(step.__name__, partial(each, step, module), module)
            if _size(module) == size:
                break
        return module


def each(
    step: Callable[..., Function], module: Module, other: Callable[..., Function] | None = None
) -> Module:
    """A pass over every function that the entry reaches; `other` is the pass for the rest, whose array
    parameters may overlap.
    """
    other = other or (partial(cse, distinct_params=False) if step is cse else step)
    others = {
        name: (step if name in module.segments else other)(module.others[name]) for name in reached(module)
    }
    custom = {name: rule for name, rule in module.custom.items() if name in others}
    return replace(module, entry=step(module.entry), others=others, custom=custom)


def _size(module: Module) -> tuple[int, ...]:
    return tuple(sum(1 for _ in walk(f.body)) for f in module)
