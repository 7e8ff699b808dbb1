"""`pb.autograd`: gradients of Tensors, functions with their own derivative, checks, the profiler."""

from ..runtime.autograd.function import Function as Function
from ..runtime.autograd.gradcheck import GradcheckError as GradcheckError
from ..runtime.autograd.gradcheck import gradcheck as gradcheck
from ..runtime.autograd.gradcheck import gradgradcheck as gradgradcheck
from ..runtime.tape.anomaly import detect_anomaly as detect_anomaly
from ..runtime.tape.anomaly import is_anomaly_enabled as is_anomaly_enabled
from ..runtime.tape.anomaly import set_detect_anomaly as set_detect_anomaly
from ..runtime.tape.mode import enable_grad as enable_grad
from ..runtime.tape.mode import inference_mode as inference_mode
from ..runtime.tape.mode import no_grad as no_grad
from ..runtime.tape.mode import set_grad_enabled as set_grad_enabled
from ..runtime.tensor.backward import backward as backward
from ..runtime.tensor.backward import grad as grad
from ..runtime.tensor.namespace import NAMES
from . import function as function
from . import functional as functional
from . import graph as graph
from . import profiler as profiler

Variable = NAMES["Tensor"]
