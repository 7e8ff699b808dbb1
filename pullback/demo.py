"""`pullback demo`: fit a predator-prey model, a simulator full of loops, to a century-old record of pelts.

The model is that of Lotka and Volterra; the fit needs the gradient of a Runge–Kutta simulation, which is what
pullback makes out of `misfit` below.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from importlib import resources
from statistics import median
from typing import Any, TextIO

import numba
import numpy as np
import numpy.typing as npt
from scipy.optimize import OptimizeResult, minimize

from .highlight import highlight, wants_colour

Array = npt.NDArray[np.float64]
ValueAndGrad = Callable[[Array, Array, Array], tuple[float, Array]]

SUBSTEPS = 50
MAX_STEPS = 200
NAMES = ("alpha", "beta", "gamma", "delta", "hare", "lynx")

# Rates per year, and the two populations of 1900 in thousands of pelts.
START = np.array([0.8, 0.04, 0.8, 0.04, 30.0, 5.0])


@numba.njit
def slope(hare: float, lynx: float, theta: Array) -> tuple[float, float]:
    """Rates of change of both populations."""
    return (theta[0] - theta[1] * lynx) * hare, (theta[3] * hare - theta[2]) * lynx


@numba.njit
def simulate(log_theta: Array, years: Array) -> Array:
    """Hares and lynxes in each of the years, by the classical Runge–Kutta method."""
    theta = np.exp(log_theta)
    hare = theta[4]
    lynx = theta[5]
    path = np.empty((len(years), 2))
    path[0, 0] = hare
    path[0, 1] = lynx
    for i in range(1, len(years)):
        h = (years[i] - years[i - 1]) / SUBSTEPS
        for _ in range(SUBSTEPS):
            a1, b1 = slope(hare, lynx, theta)
            a2, b2 = slope(hare + 0.5 * h * a1, lynx + 0.5 * h * b1, theta)
            a3, b3 = slope(hare + 0.5 * h * a2, lynx + 0.5 * h * b2, theta)
            a4, b4 = slope(hare + h * a3, lynx + h * b3, theta)
            hare += h / 6.0 * (a1 + 2.0 * a2 + 2.0 * a3 + a4)
            lynx += h / 6.0 * (b1 + 2.0 * b2 + 2.0 * b3 + b4)
        path[i, 0] = hare
        path[i, 1] = lynx
    return path


def misfit(log_theta: Array, years: Array, pelts: Array) -> float:
    """Sum of the squared differences between the logarithms of model and record."""
    path = simulate(log_theta, years)
    total = 0.0
    for i in range(len(years)):
        for k in range(2):
            total += (np.log(path[i, k]) - np.log(pelts[i, k])) ** 2
    return total


def load_record() -> tuple[Array, Array, str]:
    """Return the years, the pelts (hare, lynx) in thousands, and the source of the record."""
    text = (resources.files("pullback") / "data" / "lynx_hare.csv").read_text(encoding="utf-8")
    lines = text.splitlines()
    source = "\n".join(line.removeprefix("# ") for line in lines if line.startswith("#"))
    table = np.array([line.split(",") for line in lines if line[:1].isdigit()], dtype=np.float64)
    return table[:, 0].copy(), table[:, [2, 1]].copy(), source


class Progress:
    """A progress bar: tqdm's where it is installed, else our own; silent where `out` is no terminal."""

    def __init__(self, total: int, out: TextIO) -> None:
        self.total, self.out, self.done = total, out, 0
        self.bar: Any = None
        if out.isatty():
            try:
                from tqdm import tqdm
            except ModuleNotFoundError:
                return
            self.bar = tqdm(total=total, desc="fit", unit="step", file=out)

    def step(self, value: float) -> None:
        """Count a step that reached the misfit `value`."""
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix_str(f"misfit {value:.4f}", refresh=False)
            self.bar.update()
        elif self.out.isatty():
            filled = "#" * (30 * self.done // self.total)
            self.out.write(f"\rfit [{filled:<30}] {self.done}/{self.total}  misfit {value:.4f} ")
            self.out.flush()

    def close(self) -> None:
        """Leave the bar where it is and start a new line."""
        if self.bar is not None:
            self.bar.close()
        elif self.out.isatty():
            self.out.write("\n")


def fit(value_and_grad: ValueAndGrad, years: Array, pelts: Array, out: TextIO) -> OptimizeResult:
    """Minimise `misfit` from START by L-BFGS-B with the given gradient."""
    progress = Progress(MAX_STEPS, out)

    def report(intermediate_result: OptimizeResult) -> None:
        progress.step(float(intermediate_result.fun))

    try:
        return minimize(
            value_and_grad,
            np.log(START),
            args=(years, pelts),
            jac=True,
            method="L-BFGS-B",
            callback=report,
            options={"maxiter": MAX_STEPS, "ftol": 1e-12, "gtol": 1e-7},
        )
    finally:
        progress.close()


def central_differences(f: Callable[..., float], log_theta: Array, *rest: Array) -> Array:
    """Gradient of `f` with respect to its first argument by central finite differences."""
    gradient = np.empty_like(log_theta)
    for k in range(log_theta.size):
        h = np.cbrt(np.finfo(np.float64).eps) * max(1.0, abs(log_theta[k]))
        up, down = log_theta.copy(), log_theta.copy()
        up[k] += h
        down[k] -= h
        gradient[k] = (f(up, *rest) - f(down, *rest)) / (up[k] - down[k])
    return gradient


def _median_seconds(call: Callable[[], object], repeats: int = 30) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


# A process that never saw the gradient: what the disk cache leaves of the set-up.
_LATER_PROCESS = """
import time
start = time.perf_counter()
import pullback as pb
from pullback import demo
import numpy as np
years, pelts, _ = demo.load_record()
pb.value_and_grad(demo.misfit)(np.log(demo.START), years, pelts)
print(time.perf_counter() - start)
"""


def _seconds_of_a_later_process() -> float:
    ran = subprocess.run(
        # -P: not from the current folder, which may be a checkout.
        [sys.executable, "-P", "-c", _LATER_PROCESS],
        check=True,
        capture_output=True,  # Ctrl-C reaches this process too, and its traceback would be shown
        text=True,
    )
    return float(ran.stdout)


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise SystemExit("--plot needs matplotlib: pip install 'pullback[demo]'") from None
    return Figure


def save_plot(file: str, log_theta: Array, years: Array, pelts: Array) -> None:
    """Draw the record as points and the fitted model as lines."""
    fine = np.linspace(years[0], years[-1], 401)
    path = simulate(log_theta, fine)
    figure = _figure_class()(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    for k, (label, colour) in enumerate((("hare", "tab:blue"), ("lynx", "tab:red"))):
        axes.plot(fine, path[:, k], color=colour, label=f"{label}, model")
        axes.plot(years, pelts[:, k], "o", color=colour, label=f"{label}, record")
    axes.set(
        xticks=years[::4],
        xlabel="year",
        ylabel="pelts (thousands)",
        title="Lotka–Volterra fitted with pullback",
    )
    axes.legend()
    figure.savefig(file)


def run(plot: str | None = None, out: TextIO | None = None) -> None:
    """Fit the model, print what was found and what the gradient costs.

    Parameters
    ----------
    plot
        Where to draw model and record (a file name; needs matplotlib).
    out
        Where to print, standard output by default.
    """
    import pullback as pb

    out = sys.stdout if out is None else out
    if plot is not None:
        _figure_class()  # refuse before the work, not after it
    years, pelts, source = load_record()
    start = np.log(START)

    value_and_grad = pb.value_and_grad(misfit)
    began = time.perf_counter()
    first_value, gradient = value_and_grad(start, years, pelts)
    first_call = time.perf_counter() - began

    shown = value_and_grad.backward_source
    print(f"{source}\n\nThe generated backward pass of `misfit`:\n", file=out)
    print(highlight(shown) if wants_colour(out) else shown, file=out)

    result = fit(value_and_grad, years, pelts, out)
    print(f"\nFit: misfit {first_value:.4f} -> {result.fun:.4f} in {result.nit} steps", file=out)
    for name, value in zip(NAMES, np.exp(result.x), strict=True):
        print(f"  {name:5} {value:10.4f}", file=out)

    _print_costs(value_and_grad, gradient, (start, years, pelts), out)
    print(
        f"Set-up: first gradient {first_call:.2f} s; from import to first gradient in a later process "
        f"{_seconds_of_a_later_process():.2f} s",
        file=out,
    )
    if plot is not None:
        save_plot(plot, result.x, years, pelts)
        print(f"Model and record: {plot}", file=out)


def _print_costs(
    value_and_grad: ValueAndGrad, gradient: Array, args: tuple[Array, Array, Array], out: TextIO
) -> None:
    compiled = numba.njit(misfit)
    differences = central_differences(compiled, *args)
    error = float(np.max(np.abs(gradient - differences) / np.abs(differences)))
    ours = _median_seconds(lambda: value_and_grad(*args))
    theirs = _median_seconds(lambda: central_differences(compiled, *args))
    print(f"\nGradient against central finite differences: largest relative error {error:.1e}", file=out)
    print(
        f"Value and gradient {1e6 * ours:.0f} µs, finite differences of the function compiled by Numba "
        f"{1e6 * theirs:.0f} µs: {theirs / ours:.1f} times as fast",
        file=out,
    )
