"""Read the backward pass, and step through it.

    python examples/read_the_backward_pass.py

prints the generated source, what the compiler decided, and the last lines that run with what each
computed. To stop there yourself, set a breakpoint in the file that `source_path` names and run with
PULLBACK_JIT=0 under `pdb`.
"""

import linecache
import sys

import numpy as np

import pullback as pb


def sweep(u, steps):
    u = u.copy()
    for _ in range(steps):
        for i in range(1, len(u)):
            u[i] *= np.cos(u[i - 1])
    return np.sum(u**2)


def traced(function, *args):
    """Call a function of plain Python and print the last 40 generated lines that ran, with what they set."""
    before, lines, results = {}, [], [""]

    def trace(frame, event, arg):
        if not frame.f_code.co_name.endswith("_value_and_grad"):
            return None
        numbers = {k: round(float(v), 4) for k, v in frame.f_locals.items() if isinstance(v, float)}
        results.append(", ".join(f"{k} = {v}" for k, v in numbers.items() if before.get(k) != v))
        before.update(numbers)
        source = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        lines.append(f"{frame.f_lineno:4}  {source.rstrip()}")
        return trace

    sys.settrace(trace)
    try:
        return function(*args)
    finally:
        sys.settrace(None)
        for line, result in list(zip(lines, results[2:], strict=False))[-40:]:
            print(f"{line:70} {result}".rstrip())


def main():
    u = np.array([0.5, 1.0, 1.5, 2.0])
    compiled = pb.value_and_grad(sweep)
    value, gradient = compiled(u, 2)
    print(compiled.backward_source)
    print(compiled.explain())
    print(f"the file: {compiled.source_path.name}\n")

    plain = pb.value_and_grad(sweep, jit=False).compile(u, 2)
    same_value, same_gradient = traced(plain, u, 2)
    assert np.isclose(value, same_value)
    assert np.allclose(gradient, same_gradient)
    print(f"\nvalue {value:.6f}, gradient {gradient.round(6)}, compiled and plain")


if __name__ == "__main__":
    main()
