"""`pb.optim`: optimisers, with PyTorch's names."""

from ..runtime.optim.namespace import *  # noqa: F403 (the list is `__all__` there)
