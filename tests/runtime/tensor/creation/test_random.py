"""Seeds and states of generators."""

from __future__ import annotations

import pickle
import threading

import pytest
from tensor_checks import torch


def test_the_same_seed_gives_the_same_numbers():
    torch.manual_seed(5)
    a = torch.rand(3), torch.randn(3), torch.randint(9, (3,)), torch.randperm(5)
    torch.manual_seed(5)
    b = torch.rand(3), torch.randn(3), torch.randint(9, (3,)), torch.randperm(5)
    assert [x.tolist() for x in a] == [x.tolist() for x in b]
    assert torch.rand(3).tolist() != a[0].tolist()
    assert torch.initial_seed() == 5


def test_state():
    torch.manual_seed(1)
    torch.randint(0, 9, (3,), dtype=torch.int32)
    state = torch.get_rng_state()
    a = torch.randn(5)
    torch.set_rng_state(state)
    assert torch.randn(5).tolist() == a.tolist()
    assert torch.initial_seed() == 1
    with pytest.raises(TypeError, match="ByteTensor"):
        torch.set_rng_state(torch.zeros(3))
    with pytest.raises(RuntimeError, match="wrong size"):
        torch.set_rng_state(torch.zeros(3, dtype=torch.uint8))


def test_generators_of_ones_own():
    one, two = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    assert torch.rand(2, generator=one).tolist() == torch.rand(2, generator=two).tolist()
    three = pickle.loads(pickle.dumps(one))
    four = one.clone_state()
    drawn = torch.rand(2, generator=one).tolist()
    assert drawn == torch.rand(2, generator=three).tolist() == torch.rand(2, generator=four).tolist()
    torch.manual_seed(0)
    a = torch.rand(1).item()
    torch.manual_seed(0)
    torch.rand(3, generator=one)
    assert torch.rand(1).item() == a
    with pytest.raises(TypeError, match="Generator"):
        torch.rand(2, generator=3)


def test_seeds():
    assert torch.manual_seed(-1).initial_seed() == 2**64 - 1
    with pytest.raises(ValueError, match="Overflow"):
        torch.manual_seed(2**65)
    assert torch.seed() == torch.initial_seed()
    assert torch.Generator().initial_seed() == 67280421310721


def test_forking():
    torch.manual_seed(0)
    with torch.random.fork_rng():
        a = torch.rand(2)
    assert torch.rand(2).tolist() == a.tolist()


def test_threads_share_the_default_generator():
    torch.manual_seed(0)
    drawn = []
    threads = [threading.Thread(target=lambda: drawn.extend(torch.rand(500).tolist())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    torch.manual_seed(0)
    assert sorted(drawn) == sorted(torch.rand(4000).tolist())
