"""What the user can set by environment variables; read when a function is compiled, never at import.

PULLBACK_JIT=0          run the generated file as plain Python, so that `pdb` steps through it
PULLBACK_CHECK=1        compare the first gradient of every signature with central differences
PULLBACK_DUMP=STAGES    print the IR after these stages to stderr: `all`, or names separated by commas
PULLBACK_CACHE=0        keep nothing on disk
PULLBACK_CACHE_DIR=DIR  where compiled derivatives are kept
PULLBACK_FASTMATH=0     arithmetic in source order, without reassociation
PULLBACK_VERIFY=1       check the IR after every pass, not only after every stage
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import ArgumentError

FALSE = ("", "0", "false", "no", "off")
READ = (
    "PULLBACK_JIT", "PULLBACK_CHECK", "PULLBACK_DUMP", "PULLBACK_CACHE", "PULLBACK_CACHE_DIR",
    "PULLBACK_FASTMATH", "PULLBACK_VERIFY", "XDG_CACHE_HOME", "LOCALAPPDATA", "HOME", "USERPROFILE",
)  # fmt: skip
"""The variables that options depend on."""


@dataclass(frozen=True, slots=True)
class Options:
    """How functions are compiled."""

    jit: bool = True
    check: bool = False
    dump: tuple[str, ...] = ()
    cache: bool = True
    cache_dir: Path = Path()
    fastmath: bool = True
    verify: bool = False

    @classmethod
    def read(cls, jit: bool | None = None) -> Options:
        """The options that the environment asks for now; `jit` overrides PULLBACK_JIT."""
        dump = os.environ.get("PULLBACK_DUMP", "")
        return cls(
            jit=_flag("PULLBACK_JIT", True) if jit is None else jit,
            check=_flag("PULLBACK_CHECK", False),
            dump=tuple(part.strip() for part in dump.split(",") if part.strip()),
            cache=_flag("PULLBACK_CACHE", True),
            cache_dir=cache_dir(),
            fastmath=_flag("PULLBACK_FASTMATH", True),
            verify=_flag("PULLBACK_VERIFY", False),
        )

    def dumps(self, stage: str) -> bool:
        """Whether a stage is to be printed."""
        return "all" in self.dump or stage in self.dump


def environment() -> tuple[str | None, ...]:
    """What the options are made of: where it is the same, so are they."""
    return tuple(map(os.environ.get, READ))


def cache_dir() -> Path:
    """The folder of the disk cache: PULLBACK_CACHE_DIR, or the user's own cache folder."""
    given = os.environ.get("PULLBACK_CACHE_DIR")
    if given:
        return Path(given).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    if base:
        return Path(base).absolute() / "pullback"
    try:
        return Path.home() / ".cache" / "pullback"
    except RuntimeError:  # no home folder, as in some containers
        return Path(tempfile.gettempdir()) / f"pullback-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"


def _flag(name: str, default: bool) -> bool:
    value = os.environ.get(name)
    return default if value is None else value.strip().lower() not in FALSE


UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def byte_count(limit: int | str | None) -> int:
    """200_000_000 for "200MB"; 0 for None."""
    if limit is None:
        return 0
    match = re.fullmatch(r"(\d+(?:\.\d+)?) *([a-z]+)", str(limit).strip().lower())
    count = int(float(match[1]) * UNITS[match[2]]) if match and match[2] in UNITS else limit
    if type(count) is not int or count < 1:
        raise ArgumentError(
            f"memory_limit={limit!r}", hint='give bytes, or a text such as "200MB" or "1.5GiB"'
        )
    return count
