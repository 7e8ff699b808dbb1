"""The disk cache: across processes, private, atomic, and never trusted blindly."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pullback.compiler.call import cache as caching
from pullback.compiler.call import fingerprint as fingerprinting
from pullback.compiler.call.fingerprint import Unfit, fingerprint, hash_of
from pullback.compiler.options import Options

import pullback as pb

# Counts what a process does: parsing, lowering, and compilations by Numba.
SCRIPT = """
import ast, json, sys
import pullback as pb
import numpy as np
from numba.core import event
from pullback.compiler.call import specialise
counts = {{"parse": 0, "lower": 0, "numba": 0}}
compiled_for, parse = specialise.compiled_for, ast.parse
def counted(*args):
    counts["lower"] += 1
    return compiled_for(*args)
def parsed(*args, **kwargs):
    counts["parse"] += str(args[1:]).endswith("model.py',)")
    return parse(*args, **kwargs)
specialise.compiled_for, ast.parse = counted, parsed
class Listener(event.Listener):
    def on_start(self, event): counts["numba"] += 1
    def on_end(self, event): pass
with event.install_listener("numba:compile", Listener()):
    import model
    counts["gradient"] = pb.grad(model.f)(np.array([1.0, 2.0])).tolist()
try:
    pb.grad(model.f)(np.array([-1.0, 2.0]))
except ValueError as error:
    counts["error"] = str(error)
counts["compiler"] = "pullback.compiler.pipeline" in sys.modules
print(json.dumps(counts))
"""

MODEL = """
import numpy as np
RATE = 3
def helper(x):
    return RATE * x
def f(x):
    s = 0.0
    if x[0] < 0.0:
        raise ValueError("negative")
    for i in range(len(x)):
        s += helper(x[i]) * x[i]
    return s
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict]:
    """Run the script in a new process on a module text."""

    def start(model: str = MODEL, **env: str) -> dict:
        (tmp_path / "model.py").write_text(model)
        (tmp_path / "main.py").write_text(SCRIPT.replace("{{", "{").replace("}}", "}"))
        ran = subprocess.run(
            [sys.executable, str(tmp_path / "main.py")],
            env={**os.environ, "PULLBACK_CACHE_DIR": str(tmp_path / "cache"), **env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return start


def test_second_process_compiles_nothing(run) -> None:
    first, second = run(), run()
    assert first["lower"] == 1 and first["numba"] > 0
    assert (second["parse"], second["lower"], second["numba"]) == (0, 0, 0)
    assert first["compiler"] and not second["compiler"]  # its modules are not even imported
    assert first["gradient"] == second["gradient"] == [6.0, 12.0]
    assert first["error"] == second["error"]
    assert "model.py:9: raise ValueError" in second["error"]


def test_a_moved_function_keeps_its_entry_and_its_lines(run) -> None:
    run()
    moved = run("\n\n\n" + MODEL)
    assert moved["lower"] == moved["numba"] == 0
    assert "model.py:12: raise ValueError" in moved["error"]


def test_changes_are_seen(run) -> None:
    run()
    assert run(MODEL.replace("RATE = 3", "RATE = 5"))["gradient"] == [10.0, 20.0]
    assert run(MODEL.replace("RATE * x", "RATE + x"))["gradient"] == [5.0, 7.0]
    assert run(MODEL)["lower"] == 0


RECURSIVE = """
import numpy as np
def down(x, n):
    return x if n <= 0 else x * down(x, n - 1)
def f(x):
    if x[0] < 0.0:
        raise ValueError("negative")
    return down(x[0], len(x)) + x[1]
"""


def test_recursive_functions_survive_a_second_process(run) -> None:
    assert run(RECURSIVE)["gradient"] == run(RECURSIVE)["gradient"] == [3.0, 1.0]


def test_numbas_own_cache_folder(run, tmp_path: Path) -> None:
    env = {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
    first, second = run(**env), run(**env)
    assert first["gradient"] == second["gradient"] and second["numba"] == 0


def test_no_cache(run, tmp_path: Path) -> None:
    run(PULLBACK_CACHE="0")
    assert not (tmp_path / "cache").exists()


def test_damaged_entries_are_written_again(run, tmp_path: Path) -> None:
    run()
    (manifest,) = (tmp_path / "cache" / "manifests").glob("*.json")
    for text in ("", "[{}]", "{}", '[{"guards": 3}]', manifest.read_text()[:100]):
        manifest.write_text(text)
        assert run()["gradient"] == [6.0, 12.0]
        assert run()["lower"] == 0
    for file in (tmp_path / "cache" / "generated").glob("*.py"):
        file.write_text("raise SystemExit('edited')")
    assert run()["gradient"] == [6.0, 12.0]


def test_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(folder))
    monkeypatch.setenv("PULLBACK_JIT", "0")
    assert pb.grad(lambda x: x * x)(1.0) == 2.0
    for part in (folder, folder / "manifests", folder / "generated"):
        assert stat.S_IMODE(part.stat().st_mode) == 0o700
    folder.chmod(0o777)
    with pytest.raises(pb.CacheError, match="written by other users"):
        pb.grad(lambda x: x * x * x)(1.0)


def test_lambdas_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PULLBACK_JIT", "0")

    def make():
        return lambda x: np.sum(x * x)

    for _ in range(2):
        pb.grad(make())(np.ones(3))
    info = pb.cache_info()
    assert info.directory == tmp_path and info.entries == 1 and info.size > 0
    assert pb.cache_clear() == 1 and pb.cache_info().entries == 0


def test_another_compiler_does_not_run_this_ones_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inner").mkdir()
    one, two = tmp_path / "one.py", tmp_path / "inner" / "two.py"
    one.write_text("a = 1")
    two.write_text("b = 1")
    before = hash_of([str(tmp_path)])
    os.utime(one, (1, 1))
    (tmp_path / "notes.txt").write_text("not a source")
    assert hash_of([str(tmp_path)]) == before
    two.write_text("b = 2")
    changed = hash_of([str(tmp_path)])
    two.rename(two.with_name("three.py"))
    assert len({before, changed, hash_of([str(tmp_path)])}) == 3

    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "cache"))
    for text in ("one compiler", "another"):
        monkeypatch.setattr(fingerprinting, "sources", lambda package, text=text: f"{package} {text}")
        fingerprinting.machine.cache_clear()
        assert pb.grad(lambda x: x * x)(3.0) == 6.0
    fingerprinting.machine.cache_clear()
    assert pb.cache_info().entries == 2


def test_generated_files_that_import_the_runtime_depend_on_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(cache_dir=tmp_path)
    names = []
    for text in ("one runtime", "another"):
        monkeypatch.setattr(caching, "sources", lambda package, text=text: text)
        for source in ("from pullback.runtime import support\n", "import numpy as np\n"):
            names.append(caching.written(source, "f", options).name)
    assert names[0] != names[2] and names[1] == names[3]


def test_import_is_light() -> None:
    code = "import sys, pullback; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    heavy = {
        "numba",
        "llvmlite",
        "scipy",
        "astor",
        "pullback.compiler.pipeline",
        "pullback.compiler.frontend.lower",
    }
    assert "pullback.compiler.public.api" in loaded and not loaded & heavy


def test_fingerprints() -> None:
    def make(k):
        def f(x, y=k):
            return x + y

        return f

    assert fingerprint(make(1)) == fingerprint(make(1)) != fingerprint(make(2))
    assert fingerprint(1) != fingerprint(True) != fingerprint(1.0)
    assert fingerprint(np.ones(2)) != fingerprint(np.zeros(2))
    assert fingerprint(np.sin) == fingerprint(np.sin) != fingerprint(np.cos)
    with pytest.raises(Unfit):
        fingerprint(object())
