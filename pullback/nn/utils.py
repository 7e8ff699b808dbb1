"""`pb.nn.utils`: the same module as `pullback.runtime.nn.utils`."""

import sys

from ..runtime.nn import utils

sys.modules[__name__] = utils
