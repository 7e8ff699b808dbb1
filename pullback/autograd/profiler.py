"""`pb.autograd.profiler`: the same module as `pullback.runtime.autograd.profiler`."""

import sys

from ..runtime.autograd import profiler

sys.modules[__name__] = profiler
