"""`pb.nn.parameter`: the same module as `pullback.runtime.nn.parameter`."""

import sys

from ..runtime.nn import parameter

sys.modules[__name__] = parameter
