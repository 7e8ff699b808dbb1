"""Layers, losses, optimizers on a million floats, and a network, beside PyTorch's: one step each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .lazy import installed
from .tape import Call, Compared, timed

SIDE = 1000  # rows and columns of the matrices
ACTIVATIONS = ["relu", "leaky_relu", "elu", "sigmoid", "tanh", "gelu", "silu", "softplus", "mish"]


def cases(t: Any, side: int = SIDE) -> dict[str, Call]:
    """The cases, in names that pullback and PyTorch share: forward and backward, if nothing else is said."""
    functions, rng = t.nn.functional, np.random.default_rng(0)

    def made(*shape: int, **settings: Any) -> Any:
        return t.tensor(rng.standard_normal(shape).astype(np.float32), **settings)

    x, g, y = made(side, side, requires_grad=True), made(side, side), made(side, side)
    w, b = made(side, requires_grad=True), made(side, requires_grad=True)
    classes = t.tensor(rng.integers(0, side, side))
    images = made(8, 16, side // 11, side // 11, requires_grad=True)
    channels, gi = t.nn.BatchNorm2d(16), made(*images.shape)

    def through(f: Callable[[], Any], leaf: Any = x, cotangent: Any = g) -> Call:
        def step() -> None:
            leaf.grad = None
            f().backward(cotangent)

        return step

    def activation(name: str) -> Call:
        return through(lambda: getattr(functions, name)(x))

    return {
        **{name: activation(name) for name in ACTIVATIONS},
        "softmax of rows": through(lambda: functions.softmax(x, 1)),
        "log_softmax of rows": through(lambda: functions.log_softmax(x, 1)),
        "layer_norm of rows": through(lambda: functions.layer_norm(x, (side,), w, b)),
        "batch_norm of 16 channels": through(lambda: channels(images), images, gi),
        "dropout": through(lambda: functions.dropout(x, 0.5)),
        "cross_entropy": through(lambda: functions.cross_entropy(x, classes), x, None),
        "mse_loss": through(lambda: functions.mse_loss(x, y), x, None),
        "smooth_l1_loss": through(lambda: functions.smooth_l1_loss(x, y), x, None),
        "x * y": through(lambda: x * y),
        **optimizers(t, side * side),
        "ResNet-18, 8 × 3 × 64 × 64": resnet_step(t, 8),
        "ResNet-18, 1 × 3 × 64 × 64": resnet_step(t, 1),
    }


def optimizers(t: Any, size: int) -> dict[str, Call]:
    """Steps of optimizers."""

    def step(name: str, **settings: Any) -> Call:
        p = t.ones(size, requires_grad=True)
        p.grad = t.ones(size)
        made: Call = getattr(t.optim, name)([p], **settings).step
        return made

    return {
        "step of SGD with momentum": step("SGD", lr=1e-3, momentum=0.9),
        "step of Adam": step("Adam", lr=1e-3),
    }


def resnet_step(t: Any, batch: int) -> Call:
    """Loss and gradients of a ResNet-18 (He et al., 2015)."""
    network, rng = resnet(t), np.random.default_rng(0)
    x = t.tensor(rng.standard_normal((batch, 3, 64, 64)).astype(np.float32))
    classes = t.tensor(rng.integers(0, 1000, batch))

    def step() -> None:
        for p in network.parameters():
            p.grad = None
        t.nn.functional.cross_entropy(network(x), classes).backward()

    return step


def resnet(t: Any) -> Any:
    """A ResNet-18."""
    nn = t.nn

    def convolution(before: int, after: int, kernel: int, stride: int) -> list[Any]:
        layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        return [layer, nn.BatchNorm2d(after)]

    class Block(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.straight = nn.Sequential(
                *convolution(before, after, 3, stride),
                nn.ReLU(inplace=True),
                *convolution(after, after, 3, 1),
            )
            same = before == after and stride == 1
            self.short = nn.Identity() if same else nn.Sequential(*convolution(before, after, 1, stride))

        def forward(self, x: Any) -> Any:
            return nn.functional.relu(self.straight(x) + self.short(x), inplace=True)

    layers = [*convolution(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    for before, after, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [Block(before, after, stride), Block(after, after, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1), nn.Linear(512, 1000))


def compare(
    rounds: int = 21, clock: Callable[[], float] = time.perf_counter, threads: int = 1
) -> list[Compared]:
    """All cases of pullback and, where it is installed, of PyTorch in turn."""
    import pullback

    theirs: dict[str, Call] = {}
    if installed("torch"):
        import torch

        torch.set_num_threads(threads)
        theirs = cases(torch)
    found = [timed(name, call, theirs.get(name), rounds, clock) for name, call in cases(pullback).items()]
    return [
        replace(one, ours=one.ours / 1e3, theirs=one.theirs and one.theirs / 1e3, unit="ms") for one in found
    ]
