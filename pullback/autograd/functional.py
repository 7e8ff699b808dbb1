"""`pb.autograd.functional`: the same module as `pullback.runtime.autograd.functional`."""

import sys

from ..runtime.autograd import functional

sys.modules[__name__] = functional
