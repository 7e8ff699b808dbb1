"""`pb.nn.init`: the same module as `pullback.runtime.nn.init`."""

import sys

from ..runtime.nn import init

sys.modules[__name__] = init
