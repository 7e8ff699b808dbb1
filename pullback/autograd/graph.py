"""`pb.autograd.graph`: what a graph is made of, and where its saved tensors are kept."""

from ..runtime.tape.node import Node as Node
from ..runtime.tape.saving import disable_saved_tensors_hooks as disable_saved_tensors_hooks
from ..runtime.tape.saving import save_on_cpu as save_on_cpu
from ..runtime.tape.saving import saved_tensors_hooks as saved_tensors_hooks
from ..runtime.tensor.edges import GradientEdge as GradientEdge
from ..runtime.tensor.edges import get_gradient_edge as get_gradient_edge
from ..runtime.tensor.edges import increment_version as increment_version
