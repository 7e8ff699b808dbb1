"""A line of code, run with PyTorch and with pullback, and what is different."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "cases"

HEAD = 25  # characters of a message that have to be the same
RTOL = {"float16": 2e-3, "bfloat16": 1e-2, "float32": 1e-4, "complex64": 1e-4}


def cases(path: Path) -> Iterator[str]:
    """The lines of a file; `$ = a b` above makes every line with a `$` one line for a and one for b."""
    names = [""]
    for line in path.read_text().splitlines():
        if line.startswith("$ ="):
            names = line.removeprefix("$ =").split()
        elif "$" in line:
            yield from (line.replace("$", name) for name in names)
        elif line and not line.startswith("#"):
            yield line


def environment(module: Any) -> dict[str, Any]:
    """The names that a case may use."""
    rng = np.random.default_rng(5)
    leaves: list[Any] = []

    def leaf(values: Any) -> Any:
        tensor = module.tensor(values, requires_grad=True)
        leaves.append(tensor)
        return tensor

    def uniform(*shape: int, lo: float = -2.0, hi: float = 2.0) -> Any:
        return leaf(rng.uniform(lo, hi, shape))

    def integers(high: int, *shape: int) -> Any:
        return module.tensor(rng.integers(0, high, shape))

    rows = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    blocks = np.random.default_rng(1).standard_normal((3, 2, 4)).astype(np.float32)
    return {
        "torch": module,
        "nn": module.nn,
        "F": module.nn.functional,
        "optim": module.optim,
        "np": np,
        "math": math,
        "inf": math.inf,
        "nan": math.nan,
        "L": leaf,
        "R": uniform,
        "I": integers,
        "leaves": leaves,
        "x": leaf(rows),
        "b": leaf(blocks),
        "v": leaf(rows[0]),
        "w": leaf(rows[1:3] * 2),
        "c": leaf(rows[0] + 1j * rows[1]),
        "s": leaf(np.float32(2.5)),
        "p": leaf(np.float32(0.2) + np.float32(0.15) * rows**2),
        "k": leaf(np.array([[1.0, 2, 2, 1], [0, 0, 3, 3]], dtype=np.float32)),
        "i": module.tensor(np.array([[0, 1, 2, 3, 0], [3, 3, 1, 0, 2]])),
        "j": module.tensor(np.array([2, 0, 2])),
        "n": module.tensor(np.arange(12).reshape(3, 4) % 5),
        "m": module.tensor(rows > 0.3),
        "z": module.zeros(0, 3),
    }


@dataclass
class Outcome:
    """What a case gave."""

    error: tuple[str, str] | None = None
    values: list[Any] = field(default_factory=list)
    gradients: dict[str, Any] = field(default_factory=dict)


@dataclass
class Shown:
    """What there is to see of a tensor."""

    array: np.ndarray[Any, Any]
    dtype: str
    node: str | None
    text: str
    traits: tuple[Any, ...]
    strides: tuple[bool, tuple[int, ...]]


def run(module: Any, code: str) -> Outcome:
    """The outcome of a case with one of the two modules."""
    names = environment(module)
    *statements, last = code.split(";")
    before = module.get_default_dtype()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            module.manual_seed(0)
            exec(";".join(s.strip() for s in statements), names)
            value = eval(last.strip(), names)
            found = list(flat(module, value))
            outcome = Outcome(values=[shown(module, v) for v in found])
        except Exception as error:
            return Outcome(error=(type(error).__name__.lstrip("_"), str(error)))
        finally:
            module.set_default_dtype(before)
            module.set_printoptions(profile="default")
        try:
            outcome.gradients = gradients(module, found, names["leaves"])
        except Exception as error:
            outcome.gradients = {"error": (type(error).__name__.lstrip("_"), str(error))}
    return outcome


def flat(module: Any, value: Any) -> Iterator[Any]:
    """The results in a nest of them."""
    if isinstance(value, (tuple, list)) and not isinstance(value, module.Size):
        yield len(value)
        for part in value:
            yield from flat(module, part)
    else:
        yield value


def shown(module: Any, value: Any) -> Any:
    """What is compared of one result."""
    if not isinstance(value, module.Tensor):
        return value if isinstance(value, (bool, int, float, complex, np.ndarray)) else plain(repr(value))
    node = None if value.grad_fn is None else value.grad_fn.name().removeprefix("torch::autograd::")
    traits = (value.requires_grad, value.is_leaf, value.output_nr, type(value).__name__)
    strides = (value.is_contiguous(), tuple(value.stride()))
    return Shown(array(value), plain(str(value.dtype)), node, plain(repr(value)), traits, strides)


def array(value: Any) -> np.ndarray[Any, Any]:
    """The numbers of a tensor."""
    kept: np.ndarray[Any, Any] = np.array(value.detach().numpy(force=True))
    return kept


def plain(text: str) -> str:
    """Text without the module's name."""
    return re.sub(r"\b(pullback|torch)\.", "", text)


def gradients(module: Any, values: list[Any], leaves: list[Any]) -> dict[str, Any]:
    """First and second derivatives of the results, with fixed weights, by the leaves."""
    loss: Any = None
    for value in values:
        if isinstance(value, module.Tensor) and value.requires_grad:
            real = value.real * 1.5 + value.imag * 0.5 if value.is_complex() else value
            weights = np.cos(np.arange(real.numel(), dtype=np.float64)).reshape(tuple(real.shape))
            part = (real * module.tensor(weights).to(real.dtype)).sum()
            loss = part if loss is None else loss + part
    if loss is None:
        return {}
    inputs = [leaf for leaf in leaves if leaf.requires_grad]
    first = module.autograd.grad(loss, inputs, create_graph=True, allow_unused=True)
    found: dict[str, Any] = {f"first {k}": None if g is None else array(g) for k, g in enumerate(first)}
    squares = [abs(g * g).sum() for g in first if g is not None and g.requires_grad]
    if squares:
        try:
            second = module.autograd.grad(sum(squares), inputs, allow_unused=True)
        except Exception as error:
            return found | {"second": (type(error).__name__, str(error))}
        found |= {f"second {k}": None if g is None else array(g) for k, g in enumerate(second)}
    return found


def differences(reference: Any, module: Any, code: str) -> dict[str, str]:
    """What is different between PyTorch (the first) and pullback, by aspect."""
    theirs, ours = run(reference, code), run(module, code)
    if theirs.error or ours.error:
        found = unequal_errors(theirs.error, ours.error)
        return {"error": found} if found else {}
    if len(theirs.values) != len(ours.values):
        return {"results": f"{len(theirs.values)} | {len(ours.values)}"}
    different: dict[str, str] = {}
    for a, b in zip(theirs.values, ours.values, strict=True):
        for aspect, text in unequal(a, b):
            different.setdefault(aspect, text)
    for aspect, text in unequal_gradients(theirs, ours):
        different.setdefault(aspect, text)
    return different


def unequal_errors(a: tuple[str, str] | None, b: tuple[str, str] | None) -> str | None:
    """What is different between two errors, or between an error and none."""
    if a is None or b is None or a[0] != b[0] or head(a[1]) != head(b[1]):
        return f"{a} | {b}"
    return None


def head(message: str) -> str:
    """The beginning of a message; quotes and layout do not count."""
    return re.sub(r"\W+", " ", message.replace("pullback", "torch"))[:HEAD]


def unequal(a: Any, b: Any) -> Iterator[tuple[str, str]]:
    """What is different between two results."""
    if isinstance(a, Shown) and isinstance(b, Shown):
        for aspect in ("dtype", "node", "traits", "strides"):
            if getattr(a, aspect) != getattr(b, aspect):
                yield aspect, f"{getattr(a, aspect)} | {getattr(b, aspect)}"
        if not close(a.array, b.array):
            yield "values", f"{a.array.tolist()} | {b.array.tolist()}"
        # Rounding may show in the last digit of what is printed, so text is compared where bits are the same.
        elif a.array.tobytes() == b.array.tobytes() and a.node == b.node and a.text != b.text:
            yield "text", f"{a.text} | {b.text}"
    elif isinstance(a, float) and isinstance(b, float):
        if not (math.isclose(a, b, rel_tol=1e-5) or (a != a and b != b)):
            yield "values", f"{a} | {b}"
    elif isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if not (a.dtype == b.dtype and close(a, b)):
            yield "values", f"{a} | {b}"
    elif type(a) is not type(b) or a != b:
        yield "values", f"{a!r} | {b!r}"


def close(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], tolerance: float = 0.0) -> bool:
    """Two arrays are the same up to rounding, of their precision or a coarser one."""
    tolerance = max(tolerance, RTOL.get(a.dtype.name, 1e-7))
    finite = np.abs(a[np.isfinite(a)])
    atol = tolerance / 10 * max(1.0, float(np.max(finite, initial=0.0)))
    return a.shape == b.shape and np.allclose(a, b, rtol=tolerance, atol=atol, equal_nan=True)


def unequal_gradients(theirs: Outcome, ours: Outcome) -> Iterator[tuple[str, str]]:
    """What is different between two sets of derivatives."""
    a, b = theirs.gradients, ours.gradients
    for key in ("error", "second"):
        if (key in b and key not in a) or (key == "error" and key in a):
            found = unequal_errors(a.get(key), b.get(key))
            if found:
                yield f"{key} of gradients", found
            return
    tolerance = 10 * max(
        (RTOL.get(v.dtype, 1e-7) for v in theirs.values if isinstance(v, Shown)), default=0.0
    )
    for name in a | b:
        order = name.split()[0]
        if order == "second" and "second" in a:
            continue  # PyTorch has no derivative of the derivative
        x, y = a.get(name), b.get(name)
        if x is None and y is None:
            continue
        if order == "first" and (x is None or y is None):
            yield "which gradients", f"{x} | {y}"
            continue
        # Whether a gradient that is zero is None depends on how the derivative of the derivative is written.
        x, y = (np.zeros_like(y) if x is None else x), (np.zeros_like(x) if y is None else y)
        if not (x.dtype == y.dtype and close(x, y, tolerance)):
            yield f"{order} gradients", f"{x} | {y}"
