"""`pb.nn.functional`: the same module as `pullback.runtime.nn.functional`."""

import sys

from ..runtime.nn import functional

sys.modules[__name__] = functional
