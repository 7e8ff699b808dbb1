"""The named tuples that functions with several results give, printed as PyTorch prints them.

>>> import pullback as pb
>>> pb.max(pb.tensor([[1.0, 3.0], [2.0, 0.0]]), dim=1)
torch.return_types.max(
values=tensor([3., 2.]),
indices=tensor([1, 0]))
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any


def structure(name: str, *fields: str) -> Any:
    """A class of named tuples, importable from here (so its values can be pickled)."""
    plain: Any = namedtuple(name, fields)  # type: ignore[misc]

    def __repr__(self: Any) -> str:
        lines = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self, strict=True))
        return f"torch.return_types.{name}(\n{lines})"

    made = type(
        name, (plain,), {"__slots__": (), "__repr__": __repr__, "__module__": __name__, "__qualname__": name}
    )
    globals()[name] = made
    return made


_VALUES = "max", "min", "median", "nanmedian", "mode", "kthvalue", "topk", "sort", "cummax", "cummin"
VALUES_AND_INDICES = {name: structure(name, "values", "indices") for name in _VALUES}
"""The classes of the functions that choose elements along an axis and say which."""
