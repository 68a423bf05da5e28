"""The telemetry of a whole inventory: an ordinary hour, or one with an incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.graph import Graph
from observe.simulation.background import istiods, record_background
from observe.simulation.conditions import Blind, OnMesh, OnService, Unscraped
from observe.simulation.engine import Engine
from observe.simulation.links import record_links
from observe.simulation.recorder import Recorder
from observe.simulation.reports import pods_of_service
from observe.simulation.stage import Stage, Timeline
from observe.simulation.statistics import record_statistics
from observe.simulation.traffic import Traffic

if TYPE_CHECKING:
    from observe.model import Inventory
    from observe.simulation.conditions import Effect
    from observe.simulation.incidents import Incident
    from observe.simulation.telemetry import Telemetry

MINUTES: Final = 60
BEGIN: Final = 15
"""Minutes of an ordinary day before an incident begins."""


def simulate(
    inventory: Inventory,
    incident: Incident | None = None,
    *,
    minutes: float = MINUTES,
    begin: float = BEGIN,
    step: int | None = None,
    epoch: int = 0,
) -> Telemetry:
    """What Prometheus scrapes of the mesh in so many minutes, the incident beginning at one of them.

    `step` is the seconds between scrapes, the mesh's own when absent. `epoch` is the time of the first scrape in
    seconds since 1970, which timestamps among the values count from: 0 as in promtool's rule tests. At most two pods
    report for each workload, whatever its replicas. The same arguments give the same telemetry.
    """
    seconds = step or max(inventory.mesh.prometheus.scrape_interval // 1000, 1)
    timeline = Timeline(incident.effects if incident else (), begin * 60, (incident.lasts if incident else 0) * 60)
    engine = Engine(Traffic(Graph(inventory)))
    course = engine.run(int(minutes * 60 // seconds) + 1, seconds, timeline.at)
    recorder = Recorder(inventory.mesh, seconds, limits=bucket_limits(inventory))
    stage = Stage(inventory, engine, course, timeline, recorder, epoch)
    record_links(stage)
    record_statistics(stage)
    record_background(stage)
    for effect in timeline.effects:
        _hide(stage, effect)
    return recorder.telemetry()


def bucket_limits(inventory: Inventory) -> tuple[float, ...]:
    """Upper limits of the latency buckets that the mesh's proxies have."""
    if not telemetry.buckets_at_objectives(inventory.mesh):
        return telemetry.BUCKETS
    return telemetry.bucket_limits(
        service.objectives.latency.limit for service in inventory.services if service.request_ports
    )


def _hide(stage: Stage, effect: Effect) -> None:
    """What nobody can scrape while an effect holds."""
    begin, end = (second / 60 for second in stage.timeline.span(effect))
    recorder, services = stage.recorder, stage.inventory.by_id
    match effect:
        case Blind():
            recorder.blind(begin, end)
        case Unscraped():
            recorder.unscraped(pods_of_service(services[effect.service]), begin, end)
        case OnService() if effect.condition.gone or effect.condition.without_proxy:
            recorder.gone(pods_of_service(services[effect.service]), begin, end)
        case OnMesh() if effect.condition.control_plane_down:
            recorder.unscraped(istiods(stage), begin, end)
