"""Where pullback is known to differ from PyTorch, and why: `known/*.txt`.

A line `= aspects: reason` stands above the cases that it is true of; nothing else may differ in them.
"""

from __future__ import annotations

from pathlib import Path


def _read(text: str) -> dict[str, tuple[set[str], str]]:
    known: dict[str, tuple[set[str], str]] = {}
    aspects: set[str] = set()
    reason = ""
    for line in text.splitlines():
        if line.startswith("= "):
            names, reason = line.removeprefix("= ").split(": ", 1)
            aspects = set(names.split(", "))
        elif line:
            known[line] = aspects, reason
    return known


KNOWN = _read("\n".join(path.read_text() for path in sorted((Path(__file__).parent / "known").glob("*.txt"))))

# What PyTorch does not have, or has under no name that a case could use.
without_counterpart = {
    *("fmax_", "fmin_", "maximum_", "minimum_", "logaddexp_", "logaddexp2_"),  # their ordinary twins it has
    "printoptions",
}
