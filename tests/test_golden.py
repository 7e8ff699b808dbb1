"""The lowered IR and the backward source of small programs, word by word, and the same in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from golden_programs import PROGRAMS

import pullback as pb

SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
import pullback as pb
from golden_programs import PROGRAMS
for fn, args, wrt in PROGRAMS.values():
    derivative = pb.value_and_grad(fn, argnums=wrt, jit=False)
    derivative(*args)
    text = derivative.ir("final") + derivative.backward_source
    print(hashlib.sha256(text.encode()).hexdigest())
"""


def texts(name: str) -> tuple[str, str]:
    fn, args, wrt = PROGRAMS[name]
    derivative = pb.value_and_grad(fn, argnums=wrt, jit=False)
    derivative(*args)
    return derivative.ir("lowered"), derivative.backward_source


def body(source: str) -> str:
    """Without the header, which all files share."""
    return source[source.index("@jit") :]


@pytest.mark.parametrize("name", PROGRAMS)
def test_lowered_ir(name: str, golden: Callable[[str], None]) -> None:
    golden(texts(name)[0])


@pytest.mark.parametrize("name", PROGRAMS)
def test_backward_source(name: str, golden: Callable[[str], None]) -> None:
    golden(body(texts(name)[1]))


def test_every_process_writes_the_same_bytes(tmp_path: Path) -> None:
    """Sets and dicts of objects are ordered otherwise under another hash seed."""
    outputs = set()
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PULLBACK_CACHE_DIR": str(tmp_path / seed)}
        command = [sys.executable, "-P", "-c", SCRIPT, str(Path(__file__).parent)]
        outputs.add(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
    here = []
    for fn, args, wrt in PROGRAMS.values():
        derivative = pb.value_and_grad(fn, argnums=wrt, jit=False)
        derivative(*args)
        text = derivative.ir("final") + derivative.backward_source
        here.append(hashlib.sha256(text.encode()).hexdigest())
    assert outputs == {"\n".join(here) + "\n"}
