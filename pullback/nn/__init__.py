"""`pb.nn`: modules, losses, functions and initialisation, with PyTorch's names."""

from ..runtime.nn.namespace import *  # noqa: F403 (the list is `__all__` there)
from . import parameter as parameter
