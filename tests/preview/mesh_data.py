"""A real Prometheus with an hour of the example mesh: what is in it was told stream by stream, so values are known."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from observe.alerting import rule_groups
from observe.drills.laboratory import laboratory
from observe.graph import Graph
from observe.naming import host_of
from observe.signals import catalogue
from observe.simulation import Answer, Caller, Recorder, failure, flow
from tests.servers.prometheus_server import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.drills.laboratory import Laboratory
    from observe.model import Inventory, Service
    from observe.simulation import Flow

STEP: Final = 30
"""Seconds between samples: near enough to look at."""
MINUTES: Final = 75
BUCKETS: Final = (5.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1_000.0, 2_500.0, 5_000.0)
FAILING: Final = "payments/ledger-service"
"""From minute 40 to minute 60 a quarter of its requests fail, slowly, and those of who calls it with them."""
PLAINTEXT: Final = "accounts/session-service"


def recorded(inventory: Inventory) -> Recorder:
    """Every declared call as traffic: ten requests a second and fewer, most of them fast."""
    made, graph = Recorder(inventory.mesh, STEP, limits=BUCKETS), Graph(inventory)
    for place, service in enumerate(inventory.services):
        callers = [Caller(edge.caller.name, edge.caller.namespace, replicas=1) for edge in graph.callers(service)]
        for number, caller in enumerate(callers or [Caller("ingress", "edge", replicas=1)]):
            _traffic(made, service, caller, per_minute=60 * (2 + (place + number) % 9))
    return made


def _traffic(made: Recorder, service: Service, caller: Caller, per_minute: float) -> None:
    milliseconds = 20 * (1 + len(service.calls))
    usual = _flow((40, per_minute), (20, per_minute * 0.75), (15, per_minute))
    made.requests(service, usual, None, caller, milliseconds)
    made.requests(service, _flow((MINUTES, per_minute / 50)), None, caller, milliseconds * 8)
    if service.id == FAILING or any(call.service == FAILING for call in service.calls):
        broken = _flow((40, 0), (20, per_minute / 4), (15, 0))
        made.requests(service, broken, failure(service), caller, 2_000)
        (pod,) = caller.pods
        cluster = f"outbound|{service.ports[0].number}||{host_of(made.mesh, service)}"
        made.ejected(pod, cluster, (41, 0), (20, 1), (14, 0))
    if service.id == PLAINTEXT:
        legacy = Caller("legacy-batch", "data", secured=False, replicas=1)
        made.requests(service, _flow((30, 0), (45, per_minute / 10)), Answer(grpc="0"), legacy, milliseconds)


def _flow(*phases: tuple[float, float]) -> Flow:
    return flow(*phases, step=STEP)


@contextmanager
def prometheus(inventory: Inventory) -> Iterator[Laboratory]:
    """The server, with what the rules of the inventory make of these samples, while the block runs."""
    groups = rule_groups(Graph(inventory), catalogue(inventory))
    with laboratory(recorded(inventory).telemetry(), groups, program=binary("prometheus")) as found:
        yield found
