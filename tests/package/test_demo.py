"""The demo: its numerics with a stand-in gradient, then as the user runs it."""

from __future__ import annotations

import ast
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from pullback import demo
from pullback.highlight import RESET, highlight, wants_colour

# The optimum; the posterior means of the Stan case study are 0.55, 0.028, 0.80, 0.024.
FITTED = {"alpha": 0.5402, "beta": 0.02717, "gamma": 0.7964, "delta": 0.02369}


class Terminal(io.StringIO):
    """A text buffer that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def compiled_misfit():
    return numba.njit(demo.misfit)


@pytest.fixture(scope="module")
def stand_in(compiled_misfit):
    """Value and gradient by finite differences."""

    def value_and_grad(log_theta, years, pelts):
        gradient = demo.central_differences(compiled_misfit, log_theta, years, pelts)
        return compiled_misfit(log_theta, years, pelts), gradient

    return value_and_grad


def without(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Make the import of `module` fail as if it were not installed."""
    monkeypatch.setitem(sys.modules, module, None)


def assert_fitted(values: dict[str, float]) -> None:
    for name, expected in FITTED.items():
        assert values[name] == pytest.approx(expected, rel=5e-3), name


def test_the_record_is_read() -> None:
    years, pelts, source = demo.load_record()
    assert years.tolist() == list(range(1900, 1921))
    assert pelts[0].tolist() == [30.0, 4.0]
    assert pelts[-1].tolist() == [24.7, 8.6]
    assert source.startswith("Pelts of lynx") and "Hudson's Bay Company" in source


def test_simulation_keeps_the_invariant_of_the_model() -> None:
    log_theta = np.log(demo.START)
    alpha, beta, gamma, delta = demo.START[:4]
    path = demo.simulate(log_theta, np.arange(21.0))
    invariant = (
        delta * path[:, 0] - gamma * np.log(path[:, 0]) + beta * path[:, 1] - alpha * np.log(path[:, 1])
    )
    np.testing.assert_allclose(invariant, invariant[0], rtol=1e-6)


def test_fit_converges_with_a_stand_in_gradient(stand_in) -> None:
    years, pelts, _ = demo.load_record()
    result = demo.fit(stand_in, years, pelts, io.StringIO())
    assert_fitted(dict(zip(demo.NAMES, np.exp(result.x), strict=True)))


def test_own_progress_bar_counts_steps(stand_in, monkeypatch) -> None:
    without(monkeypatch, "tqdm")
    years, pelts, _ = demo.load_record()
    out = Terminal()
    result = demo.fit(stand_in, years, pelts, out)
    assert f" {result.nit}/{demo.MAX_STEPS} " in out.getvalue()
    assert f"misfit {result.fun:.4f}" in out.getvalue()


def test_tqdm_counts_steps() -> None:
    out = Terminal()
    progress = demo.Progress(3, out)
    for value in (3.0, 2.0, 1.0):
        progress.step(value)
    progress.close()
    assert "3/3" in out.getvalue() and "misfit 1.0000" in out.getvalue()


def test_progress_is_silent_in_a_file() -> None:
    out = io.StringIO()
    progress = demo.Progress(2, out)
    progress.step(1.0)
    progress.close()
    assert out.getvalue() == ""


def test_missing_matplotlib_is_named_before_the_work(monkeypatch, tmp_path) -> None:
    without(monkeypatch, "matplotlib.figure")
    with pytest.raises(SystemExit, match=r"pip install 'pullback\[demo\]'"):
        demo.run(plot=str(tmp_path / "fit.png"), out=io.StringIO())


def test_plot_is_written(tmp_path: Path) -> None:
    years, pelts, _ = demo.load_record()
    demo.save_plot(str(tmp_path / "fit.svg"), np.log(demo.START), years, pelts)
    assert "<svg" in (tmp_path / "fit.svg").read_text(encoding="utf-8")


def test_highlighting_only_adds_escapes() -> None:
    source = '# +1  a\ndef f(x_bar):\n    """Two\n    lines."""\n    return x_bar * 2.0  # end\n\n\nF = "é"\n'
    coloured = highlight(source)
    for escape in (RESET, "\x1b[35m", "\x1b[32m", "\x1b[36m", "\x1b[33m", "\x1b[1m"):
        assert escape in coloured
        coloured = coloured.replace(escape, "")
    assert coloured == source
    assert highlight("") == ""


def test_colour_needs_a_terminal_and_no_objection(monkeypatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert wants_colour(Terminal())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Terminal())


def test_gradient_of_the_demo_is_right(compiled_misfit) -> None:
    import pullback as pb

    years, pelts, _ = demo.load_record()
    args = np.log(demo.START), years, pelts
    value, gradient = pb.value_and_grad(demo.misfit, fallback="error")(*args)
    assert value == pytest.approx(compiled_misfit(*args), rel=1e-10)
    np.testing.assert_allclose(gradient, demo.central_differences(compiled_misfit, *args), rtol=1e-6)


def test_the_demo_prints_what_it_promises() -> None:
    out = io.StringIO()
    demo.run(out=out)
    text = out.getvalue()
    assert "Hudson's Bay Company" in text
    backward = text.partition("backward pass of `misfit`:\n")[2].partition("\nFit: ")[0]
    assert any(isinstance(node, ast.FunctionDef) for node in ast.parse(backward).body)
    lines = [line.split() for line in text.partition("\nFit: ")[2].splitlines()]
    assert_fitted({words[0]: float(words[1]) for words in lines if words and words[0] in FITTED})
    assert float(text.partition("largest relative error ")[2].split()[0]) < 1e-6
    assert "times as fast" in text
    assert "from import to first gradient" in text
    assert "\x1b" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_ends_the_demo_without_a_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-u", "-m", "pullback", "demo"],
        cwd=tmp_path,
        env={**os.environ, "PULLBACK_CACHE_DIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Pelts")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "\npullback: interrupted\n"
