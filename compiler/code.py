"""What is made of a function, and all that is needed to run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .errors import Src
from .ir.types import Type
from .specs import Capture, Extent, Length, OutTree

SUFFIX = {"value": "", "gradient": "_value_and_grad", "vjp": "_vjp", "jvp": "_jvp", "hvp": "_hvp"}
LANE_SUFFIX = {"vjp": "_rows", "jvp": "_columns", "hvp": "_hessian"}
HEADER = {
    "value": "primal of",
    "gradient": "reverse-mode adjoint of",
    "vjp": "reverse-mode adjoint of",
    "jvp": "forward-mode tangent of",
    "hvp": "tangent of the adjoint of",
}
LANE_HEADER = {
    "vjp": "rows of the Jacobian, by the adjoint, of",
    "jvp": "columns of the Jacobian, by the tangent, of",
    "hvp": "columns of the Hessian, by the tangent of the adjoint, of",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of a function.

    kind: "value", "gradient" (value and gradient, cotangent 1), "vjp" (cotangents are arguments), "jvp"
    (tangent of the primal), "hvp" (tangent of "gradient"). `wrt` are the leaves whose gradient is taken;
    `along` has, for each tangent step, the leaves that have a tangent. With `into` the gradients that are
    arrays are written into further arguments, and are no results. `memory_limit` is what tapes may take,
    in bytes; 0 is no limit. With `parallel` loops with independent iterations run in threads.

    With `lanes` the last tangent step is along many directions at once, and only what it gives is a result:
    columns of a Jacobian ("jvp") or Hessian ("hvp"). An adjoint is linear in its cotangents, so its tangent
    along many cotangents gives rows of a Jacobian ("vjp"), all from one forward sweep. `width` is the number
    of directions if that is known, else 0.
    """

    kind: str
    wrt: tuple[int, ...] = ()
    along: tuple[tuple[int, ...], ...] = ()
    has_aux: bool = False
    lanes: bool = False
    into: bool = False
    memory_limit: int = 0
    width: int = 0
    parallel: bool = False

    @property
    def suffix(self) -> str:
        """What the name of the generated function has after that of the user's."""
        return (LANE_SUFFIX if self.lanes else SUFFIX)[self.kind] + "_into" * self.into

    @property
    def header(self) -> str:
        """What the head of the generated file says before the name of the user's function."""
        return (LANE_HEADER if self.lanes else HEADER)[self.kind]


@dataclass
class Code:
    """All that is needed to run a derivative, and nothing else: what the disk cache keeps.

    `results` are the types of the primal's results, `leaves` those of all leaf parameters. Check number k of
    the generated code is `checks[k]` = (exception, message, place). It is for arguments with these `lengths`.
    `shapes` are those of a primal's results, where its inputs tell.
    """

    recipe: Recipe
    entry: str
    text: str
    param_names: list[str]
    leaf_names: list[str]
    leaves: list[Type]
    results: list[Type]
    captures: list[Capture]
    guards: list[tuple[tuple[tuple[str, object], ...], object]]
    out: OutTree
    mutated: frozenset[int]
    checks: list[tuple[str, str, Src]]
    source_map: dict[int, Src]
    lengths: tuple[Length, ...] = ()
    shapes: Sequence[tuple[Extent, ...] | None] = ()
    custom: dict[str, object] = field(default_factory=dict)
