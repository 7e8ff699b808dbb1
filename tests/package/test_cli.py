"""The command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pullback
from pullback.__main__ import main, sample, split_types

MODEL = """
import numpy as np
import pullback as pb

def loss(w, x):
    return np.sum((x @ w) ** 2)

@pb.differentiable
def offered(x):
    return x * x
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    file = tmp_path / "cli_model.py"
    file.write_text(MODEL)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("PULLBACK_CACHE_DIR", str(tmp_path / "cache"))
    return str(file)


def test_show_prints_the_adjoint(model, capsys) -> None:
    assert main(["show", f"{model}:loss", "--types", "f8[:], f8[:,:]"]) == 0
    text = capsys.readouterr().out
    assert ("def loss_value_and_grad(w, x):" in text and "return loss, w_bar" in text) or "w_bar" in text
    assert main(["show", f"{model}:loss", "--types", "f8[:], f8[:,:]", "--wrt", "0,1"]) == 0
    assert "x_bar" in capsys.readouterr().out
    assert main(["show", f"{model}:offered", "--types", "f8", "--after", "lowered"]) == 0
    assert capsys.readouterr().out.startswith("def offered(x: f64)")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["loss", "--types", "f8"], "missing a required argument"),
        (["lost", "--types", "f8"], "it has loss"),
        (["loss", "--types", "f9, f8"], "'f9' is not a type"),
        (["loss", "--types", "i8[:], f8[:,:]"], "w.astype(np.float64)"),
        (["loss", "--types", "f8[:], f8[:,:]", "--wrt", "a"], "numbers separated by commas"),
        (["loss", "--types", "f8[:], f8[:,:]", "--wrt", "5"], "argnums=5"),
        (["offered", "--types", "f8", "--after", "typed"], "no stage 'typed'"),
    ],
)
def test_mistakes_are_explained(model, capsys, arguments, message) -> None:
    assert main(["show", f"{model}:{arguments[0]}", *arguments[1:]]) == 2
    caught = capsys.readouterr()
    assert message in caught.err and not caught.out


def test_no_such_file(capsys) -> None:
    assert main(["show", "nowhere.py:f", "--types", "f8"]) == 2
    assert main(["show", "nowhere", "--types", "f8"]) == 2
    assert "there is no file nowhere.py" in capsys.readouterr().err


def test_types() -> None:
    assert split_types("f8[:], f8[:, :], i8") == ["f8[:]", "f8[:, :]", "i8"]
    assert type(sample("f8")) is float and type(sample("i8")) is int and type(sample("f4")) is np.float32
    assert sample("f4[:,:]").dtype == np.float32 and sample("float64[:,:]").ndim == 2
    assert sample("None") is None and sample("True") is True and sample("'rk4'") == "rk4"


def test_ops_lists_the_registry(capsys) -> None:
    from pullback.compiler.arrays.registry import FUNCTIONS
    from pullback.compiler.prims.table import rows

    assert main(["ops"]) == 0
    text = capsys.readouterr().out
    words = set(text.replace(",", " ").split())
    assert {row.name for row in rows()} <= words
    assert {entry.name for entry in FUNCTIONS.values()} <= words


def test_cache(model, capsys, tmp_path: Path) -> None:
    main(["show", f"{model}:loss", "--types", "f8[:], f8[:,:]"])
    capsys.readouterr()
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'cache'}\n1 derivatives in 2 files")
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out.startswith("removed 1 derivatives")
    assert not list((tmp_path / "cache").iterdir())


def test_version_and_module_form(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pullback", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == f"pullback {pullback.__version__}\n"
    ran = subprocess.run(
        [sys.executable, "-m", "pullback"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2 and "COMMAND" in ran.stderr
