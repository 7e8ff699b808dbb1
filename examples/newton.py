"""Newton's method with an exact Hessian, and Newton-CG with Hessian-vector products only."""

import numpy as np
from scipy.optimize import minimize

import pullback as pb


@pb.differentiable
def rosenbrock(x):
    total = 0.0
    for i in range(len(x) - 1):
        total += 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
    return total


def newton(x, steps):
    for k in range(steps):
        value, gradient = rosenbrock.value_and_grad(x)
        print(f"step {k:2}  f {value:9.2e}  |gradient| {np.linalg.norm(gradient):8.1e}")
        if np.linalg.norm(gradient) < 1e-10:
            break
        curvature, axes = np.linalg.eigh(rosenbrock.hessian(x))
        direction = -axes @ (axes.T @ gradient / abs(curvature))  # downhill where f curves downwards too
        length = 1.0
        while (
            length > 1e-6
            and rosenbrock(x + length * direction) > value + 1e-4 * length * gradient @ direction
        ):
            length *= 0.5
        x = x + length * direction
    return x


def main():
    print("exact Hessian, 6 unknowns")
    x = newton(np.full(6, 0.5), 50)
    assert np.allclose(x, 1.0)

    print("Hessian-vector products, 500 unknowns")
    fit = minimize(
        rosenbrock.value_and_grad,
        np.full(500, 0.5),
        jac=True,
        hessp=lambda x, v: rosenbrock.hvp((x,), (v,))[0],
        method="trust-ncg",
        options={"gtol": 1e-8},
    )
    print(f"f {fit.fun:.1e} after {fit.nit} iterations, {fit.nhev} products")
    assert np.allclose(fit.x, 1.0, atol=1e-6)


if __name__ == "__main__":
    main()
