"""A simulated mesh in real time: what simulation gives is replayed for ever, and served to Prometheus.

Called after what it does: the telemetry of `observe.simulation` is finished before it is played, like a recording.
"""

from observe.replay.mesh import Happening, Mesh, State
from observe.replay.server import serving

__all__ = ["Happening", "Mesh", "State", "serving"]
