"""Not there: gone, unreadable, not called, or Prometheus itself blind. Each is told from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe.simulation.reports import WEB, pods_of_service
from observe.telemetry import BUILD
from tests.alerting.incidents import GONE, LOST, QUIET, STOPPED, always_quiet, flow, recorder
from tests.alerting.proof import FIRING, PENDING, Case, prove, rules_of
from tests.samples import a_service, an_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from observe.model import Service
    from observe.simulation import Pod, Recorder
    from tests.servers.prometheus_server import Promtool

MINUTES: Final = 40
PROXY: Final = {"component": "proxy"}


def running(service: Service, per_minute: float = 60, last: float = MINUTES) -> Recorder:
    """The service and a caller report; so many requests until a minute."""
    told = recorder()
    pods = (*pods_of_service(service), *WEB.pods)
    for pod in pods:
        told.gauge(BUILD, PROXY, pod, [1])
    told.up(*pods)
    return told.requests(service, flow((last, per_minute), (MINUTES - last, 0)))


def own(service: Service) -> tuple[Pod, ...]:
    return pods_of_service(service)


CASES: Final = (
    Case("all is well", running, always_quiet()),
    Case(
        "all pods are gone, and their targets with them",
        lambda service: running(service).gone(own(service), 15, 30),
        {14: QUIET, 16: {GONE: PENDING}, 17: {GONE: FIRING}, 29: {GONE: FIRING}, 31: QUIET},
    ),
    Case("one pod of several is gone", lambda service: running(service).gone(own(service)[:1], 15, 30), always_quiet()),
    Case(
        "pods are there, and Prometheus cannot read them",
        lambda service: running(service).unscraped(own(service), 15, 30),
        {14: QUIET, 16: {LOST: PENDING}, 20: {LOST: FIRING}, 29: {LOST: FIRING}, 31: QUIET},
    ),
    Case(
        "pods cannot be read, and then are gone",
        lambda service: running(service).unscraped(own(service), 12, 20).gone(own(service), 20, 40),
        {18: {LOST: FIRING}, 21: {GONE: PENDING}, 23: {GONE: FIRING}},
    ),
    Case(
        "the application runs without its proxy: it is no target, and callers go on",
        lambda service: running(service).gone(own(service), 15, 40),
        {18: {GONE: FIRING}, 38: {GONE: FIRING}},
    ),
    Case("Prometheus is blind", lambda service: running(service).blind(15, 30), always_quiet(14, 16, 20, 29, 31, 36)),
    Case(
        "nobody calls any more",
        lambda service: running(service, last=8),
        {12: QUIET, 20: {STOPPED: PENDING}, 30: {STOPPED: FIRING}, 38: {STOPPED: FIRING}},
    ),
    Case(
        "nobody calls any more, because there is nobody to call",
        lambda service: running(service, last=8).gone(own(service), 8, 40),
        {12: {GONE: FIRING}, 38: {GONE: FIRING}},
    ),
    Case("hardly anybody called", lambda service: running(service, per_minute=2, last=8), always_quiet(20, 30, 38)),
    Case("nobody has called yet", lambda service: running(service, per_minute=0), always_quiet(20, 30, 38)),
)


def test_what_is_not_there_is_told_apart(promtool: Promtool, tmp_path: Path) -> None:
    service = a_service(tier="critical")
    prove(promtool, tmp_path, rules_of(an_inventory(service), service), service, *CASES)


def test_only_a_service_that_matters_pages_when_it_is_gone() -> None:
    for tier, severity in (("critical", "critical"), ("high", "critical"), ("medium", "warning"), ("low", "warning")):
        service = a_service(tier=tier)
        rules = [rule for group in rules_of(an_inventory(service), service)["groups"] for rule in group["rules"]]
        (gone,) = (rule for rule in rules if rule.get("alert") == GONE)
        assert gone["labels"]["severity"] == severity
