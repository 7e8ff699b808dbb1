"""Logistic regression written as loops over the data, fitted by L-BFGS with the compiled gradient."""

import numpy as np
from scipy.optimize import minimize

import pullback as pb


@pb.value_and_grad
def loss(weights, features, labels, ridge):
    total = 0.0
    for i in range(features.shape[0]):
        score = 0.0
        for j in range(features.shape[1]):
            score += weights[j] * features[i, j]
        total += np.log1p(np.exp(-abs(score))) + max(score, 0.0) - labels[i] * score
    return total / features.shape[0] + 0.5 * ridge * np.sum(weights**2)


def main():
    rng = np.random.default_rng(1)
    truth = np.array([1.5, -2.0, 0.5, 0.0])
    features = rng.normal(size=(2000, truth.size))
    labels = (rng.uniform(size=2000) < 1.0 / (1.0 + np.exp(-features @ truth))).astype(float)

    fit = minimize(loss, np.zeros(truth.size), args=(features, labels, 1e-3), jac=True, method="L-BFGS-B")
    print(f"loss {fit.fun:.4f} after {fit.nit} iterations")
    print(f"weights {np.round(fit.x, 2)}")
    print(f"truth   {truth}")
    assert np.max(np.abs(fit.x - truth)) < 0.3


if __name__ == "__main__":
    main()
