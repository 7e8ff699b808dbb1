"""`pb.autograd.function`: the same module as `pullback.runtime.autograd.function`."""

import sys

from ..runtime.autograd import function

sys.modules[__name__] = function
