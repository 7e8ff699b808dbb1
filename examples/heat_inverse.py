"""An inverse problem: find a rod's heat conductivity, which varies in space, from its final temperature.

The simulator is an explicit time stepper that updates its arrays in place. L-BFGS asks for the gradient with
respect to all 40 conductivities at once; one reverse sweep gives it.
"""

import numpy as np
from scipy.optimize import minimize

import pullback as pb


def simulate(log_conductivity, temperature, steps, dt):
    u = temperature.copy()
    flux = np.zeros(len(u) - 1)
    for _ in range(steps):
        for i in range(len(flux)):
            flux[i] = np.exp(log_conductivity[i]) * (u[i + 1] - u[i])
        for i in range(1, len(u) - 1):
            u[i] += dt * (flux[i] - flux[i - 1])
    return u


@pb.value_and_grad
def misfit(log_conductivity, temperatures, measured, steps, dt):
    total = 0.0
    for k in range(len(temperatures)):
        u = simulate(log_conductivity, temperatures[k], steps, dt)
        total += np.sum((u - measured[k]) ** 2)
    return total + 1e-6 * np.sum(np.diff(log_conductivity) ** 2)


def main():
    cells, steps, dt = 40, 400, 0.2
    x = np.linspace(0.0, 1.0, cells + 1)
    middle = 0.5 * (x[1:] + x[:-1])
    truth = -0.5 + 0.6 * np.sin(2.0 * np.pi * middle)
    temperatures = np.stack([np.sin(k * np.pi * x) + x for k in range(1, 7)])
    measured = np.stack([simulate(truth, start, steps, dt) for start in temperatures])

    fit = minimize(
        misfit,
        np.full(cells, -0.5),
        args=(temperatures, measured, steps, dt),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 300},
    )
    error, first_error = np.max(np.abs(fit.x - truth)), np.max(np.abs(truth + 0.5))
    print(f"misfit {fit.fun:.2e} after {fit.nit} iterations")
    print(f"largest error of the log-conductivity {error:.3f}, of the first guess {first_error:.3f}")
    assert error < 0.05


if __name__ == "__main__":
    main()
