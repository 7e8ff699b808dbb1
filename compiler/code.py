"""What is made of a function, and all that is needed to run it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Src
from .ir.types import Type
from .specs import Capture, OutTree


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is made of a function.

    kind: "value", "gradient" (value and gradient, cotangent 1), "vjp" (cotangents are arguments), "jvp"
    (tangent of the primal), "hvp" (tangent of "gradient"). `wrt` are the leaves whose gradient is taken;
    `along` has, for each tangent step, the leaves that have a tangent. With `into` the gradients that are
    arrays are written into further arguments, and are no results.
    """

    kind: str
    wrt: tuple[int, ...] = ()
    along: tuple[tuple[int, ...], ...] = ()
    has_aux: bool = False
    into: bool = False


@dataclass
class Code:
    """All that is needed to run a derivative, and nothing else: what the disk cache keeps.

    `results` are the types of the primal's results, `leaves` those of all leaf parameters. Check number k of
    the generated code is `checks[k]` = (exception, message, place).
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
    custom: dict[str, object] = field(default_factory=dict)
