"""The generators of random numbers, and their seeds.

A `Generator` stands for one of NumPy's. Threads may share one: NumPy locks its generators for each call, and
a new seed replaces the generator as a whole.
"""

from __future__ import annotations

import contextlib
import secrets
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...tape.node import wrap
from ..dtypes import CPU, check_device
from ..table import function, put
from ..tensor import Tensor

_DEFAULT_SEED = 67280421310721
_STATE = struct.Struct("<Q16s16sQQ")  # the seed; NumPy's 128-bit state and increment; a half that is left
_MASK = (1 << 64) - 1


class Generator:
    """A source of random numbers: the same ones for the same seed.

    Parameters
    ----------
    device
        The CPU.

    Examples
    --------
    >>> import pullback as pb
    >>> one, two = pb.Generator().manual_seed(7), pb.Generator().manual_seed(7)
    >>> bool((pb.rand(3, generator=one) == pb.rand(3, generator=two)).all())
    True
    """

    def __init__(self, device: Any = None) -> None:
        check_device(device)
        self.device = CPU
        self.manual_seed(_DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from a seed.

        Parameters
        ----------
        seed
            An integer of 64 bits; a negative one counts from the top.

        Returns
        -------
        Generator
            This one.

        Raises
        ------
        ValueError
            If it needs more bits.
        """
        seed = int(seed)
        if not -(1 << 63) <= seed <= _MASK:
            raise ValueError("Overflow when unpacking long long: a seed has 64 bits")
        self._seed = seed & _MASK
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def seed(self) -> int:
        """Start anew from a seed of the operating system's randomness, and give it."""
        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that it started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """Its state, as a tensor of bytes."""
        state: Any = self.numpy.bit_generator.state
        inner = state["state"]
        packed = _STATE.pack(
            self._seed,
            inner["state"].to_bytes(16, "little"),
            inner["inc"].to_bytes(16, "little"),
            state["has_uint32"],
            state["uinteger"],
        )
        made: Tensor = wrap(Tensor, np.frombuffer(packed, np.uint8).copy())
        return made

    def set_state(self, new_state: Any) -> None:
        """Go on from a state that `get_state` gave.

        Parameters
        ----------
        new_state
            A tensor of bytes.

        Raises
        ------
        RuntimeError, TypeError
            If it is no such tensor.
        """
        array = np.asarray(new_state)
        if array.dtype != np.uint8:
            raise TypeError(f"expected a torch.ByteTensor, but got {new_state!r:.60}")
        if array.size != _STATE.size:
            raise RuntimeError(f"RNG state is wrong size: {array.size} bytes instead of {_STATE.size}")
        seed, state, inc, has, left = _STATE.unpack(array.tobytes())
        fresh = np.random.PCG64(0)
        fresh.state = {
            "bit_generator": "PCG64",
            "state": {"state": int.from_bytes(state, "little"), "inc": int.from_bytes(inc, "little")},
            "has_uint32": has,
            "uinteger": left,
        }
        self._seed, self.numpy = seed, np.random.Generator(fresh)

    def clone_state(self) -> Generator:
        """Another generator in the same state."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def __reduce__(self) -> Any:
        return (_restored, (self.get_state().numpy(),))


def _restored(state: Any) -> Generator:
    made = Generator()
    made.set_state(state)
    return made


default_generator = Generator()
default_generator.seed()


def source(generator: Any) -> np.random.Generator:
    """NumPy's generator of an argument `generator=`: the default one for None.

    Raises
    ------
    TypeError
        If it is no generator.
    """
    if generator is None:
        return default_generator.numpy
    if not isinstance(generator, Generator):
        raise TypeError(f"generator must be a Generator, not {type(generator).__name__}")
    return generator.numpy


@function(method=False)
def manual_seed(seed: int) -> Generator:
    """Start the default generator anew: the same seed gives the same random numbers.

    Parameters
    ----------
    seed
        An integer of 64 bits.

    Returns
    -------
    Generator
        The default one.

    Raises
    ------
    ValueError
        If the seed needs more bits.

    Examples
    --------
    >>> import pullback as pb
    >>> _ = pb.manual_seed(0)
    >>> a = pb.rand(2)
    >>> _ = pb.manual_seed(0)
    >>> bool((a == pb.rand(2)).all())
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator anew from the operating system's randomness, and give the seed.

    Returns
    -------
    int

    Examples
    --------
    >>> import pullback as pb
    >>> pb.seed() == pb.initial_seed()
    True
    """
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from.

    Returns
    -------
    int

    Examples
    --------
    >>> import pullback as pb
    >>> _ = pb.manual_seed(3)
    >>> pb.initial_seed()
    3
    """
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, as a tensor of bytes.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import pullback as pb
    >>> state = pb.get_rng_state()
    >>> a = pb.rand(2)
    >>> pb.set_rng_state(state)
    >>> bool((a == pb.rand(2)).all())
    True
    """
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Let the default generator go on from a state that `get_rng_state` gave.

    Parameters
    ----------
    new_state
        A tensor of bytes.

    Raises
    ------
    RuntimeError, TypeError
        If it is no such tensor.

    Examples
    --------
    >>> import pullback as pb
    >>> pb.set_rng_state(pb.get_rng_state())
    """
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Put the state of the default generator back at the end of a `with` block.

    Parameters
    ----------
    devices
        Has no effect.
    enabled
        False does nothing.

    Examples
    --------
    >>> import pullback as pb
    >>> _ = pb.manual_seed(0)
    >>> with pb.random.fork_rng():
    ...     a = pb.rand(2)
    >>> bool((a == pb.rand(2)).all())
    True
    """
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)


for _function in (seed, initial_seed, get_rng_state, set_rng_state):
    put(_function.__name__, _function, method=False)
put("Generator", Generator, method=False)
