"""Call a derivative from your own compiled code: a Hamiltonian Monte Carlo chain that is one @njit function.

`dispatcher_for` gives the Numba function behind a gradient; it returns the value and the gradients.
"""

import numba
import numpy as np

import pullback as pb


@pb.value_and_grad
def potential(position, scale):
    """A curved valley: the negative logarithm of a banana-shaped density."""
    total = 0.5 * (position[0] / scale) ** 2
    for i in range(1, len(position)):
        total += 0.5 * (position[i] - 0.3 * position[i - 1] ** 2 + 0.3) ** 2
    return total


value_and_gradient = potential.dispatcher_for(np.zeros(2), 1.0)


@numba.njit
def sample(start, scale, count, step, leaps, seed):
    np.random.seed(seed)  # noqa: NPY002 - the generator that Numba has
    chain = np.empty((count, start.size))
    position = start.copy()
    energy, gradient = value_and_gradient(position, scale)
    accepted = 0
    for k in range(count):
        momentum = np.random.normal(0.0, 1.0, start.size)  # noqa: NPY002
        before = energy + 0.5 * np.sum(momentum**2)
        q, g, e = position.copy(), gradient, energy
        for _ in range(leaps):
            momentum -= 0.5 * step * g
            q += step * momentum
            e, g = value_and_gradient(q, scale)
            momentum -= 0.5 * step * g
        if np.log(np.random.random()) < before - e - 0.5 * np.sum(momentum**2):  # noqa: NPY002
            position, gradient, energy = q, g, e
            accepted += 1
        chain[k] = position
    return chain, accepted / count


def main():
    chain, rate = sample(np.zeros(2), 1.0, 20_000, 0.3, 8, 7)
    print(f"accepted {rate:.0%}")
    print(f"mean {chain.mean(axis=0).round(2)}, variance {chain.var(axis=0).round(2)}")
    assert rate > 0.8
    assert np.all(np.abs(chain.mean(axis=0)) < 0.1)


if __name__ == "__main__":
    main()
