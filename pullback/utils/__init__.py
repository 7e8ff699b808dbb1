"""`pb.utils`: drawings of graphs, checkpoints."""

from ..runtime.utils.draw import draw_graph as draw_graph
from . import checkpoint as checkpoint
