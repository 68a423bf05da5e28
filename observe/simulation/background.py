"""What is reported whatever requests there are: by pods of themselves, by istiod, by the kubelet of containers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import WAYPOINT
from observe.simulation.conditions import NotRenewed
from observe.simulation.flows import dealt
from observe.simulation.links import arrivals
from observe.simulation.reports import Pod, pods_of, pods_of_service, ztunnels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service
    from observe.simulation.conditions import Conditions
    from observe.simulation.flows import Flow
    from observe.simulation.stage import Stage

ISTIOD_PORT: Final = 15014
DAY: Final = 86_400
YEAR: Final = 365 * DAY
CERTIFICATE: Final = 24 * 3600
"""Seconds that a workload's certificate lives; it is renewed when half of them are over (istio `SECRET_TTL`)."""
LEFT_UNRENEWED: Final = 3600
"""Seconds that a certificate has left when an incident begins in which it was not renewed."""
AUTHORITY: Final = 10 * YEAR
"""Seconds that istiod's self-signed authority lives."""
MEMORY: Final = 60 * 2**20
"""Bytes of a sidecar that does nothing yet."""
CPU: Final = 0.005
CPU_PER_REQUEST: Final = 0.0005
"""CPU seconds of a sidecar: in a second, and for each request."""
CONVERGENCE_LIMITS: Final = (0.1, 0.5, 1, 3, 5, 10, 20, 30)
"""Buckets of `pilot_proxy_convergence_time` in seconds (istio `pilot/pkg/xds/monitoring.go`)."""
CHANGES: Final = 0.5
"""Changes per second that istiod brings to the proxies."""
PUSHES: Final = ("cds", "eds", "lds", "rds")


def record_background(stage: Stage) -> None:
    """All that there is besides requests and connections."""
    for service in stage.inventory.in_mesh:
        _of_service(stage, service)
    for pod in _gateways(stage):
        _proxy(stage, pod, stage.steadily(0))
    for namespace in stage.inventory.by_namespace:
        if stage.mesh.has_waypoint(namespace):
            for pod in pods_of(namespace, WAYPOINT):
                _proxy(stage, pod, stage.steadily(0))
    if stage.mesh.data_plane == "ambient":
        for pod in ztunnels(stage.mesh):
            stage.recorder.up(pod)
            stage.recorder.gauge("istio_build", _build(stage, "ztunnel"), pod, stage.values(lambda _: 1))
    ControlPlane(stage).record()


def istiods(stage: Stage) -> tuple[Pod, ...]:
    """The pods of istiod, as far as they are simulated."""
    mesh = stage.mesh
    count = min(mesh.installation.control_plane_replicas or 2, 2)
    job = mesh.prometheus.istiod_job
    return tuple(replace(pod, port=ISTIOD_PORT) for pod in pods_of(mesh.root_namespace, "istiod", count, job=job))


def _gateways(stage: Stage) -> Iterator[Pod]:
    callers = {link.caller for link in stage.engine.links if link.caller.gateway}
    for caller in sorted(callers, key=lambda caller: (caller.namespace, caller.workload)):
        yield from caller.pods


def _build(stage: Stage, component: str) -> dict[str, str]:
    version = stage.mesh.istio_version
    return {"component": component, "tag": version if version.count(".") > 1 else f"{version}.0"}


def _of_service(stage: Stage, service: Service) -> None:
    """What the proxies of a service report of themselves, and of whom they let in."""
    if stage.mesh.data_plane == "ambient":
        return
    pods = pods_of_service(service)
    indexes = [index for index, link in enumerate(stage.engine.links) if link.service.id == service.id]
    let_in = _arrived(stage, indexes, denied=False)
    denied = _arrived(stage, indexes, denied=True)
    spans = [stage.timeline.span(effect) for effect in stage.timeline.effects if _is_about(effect, service)]
    for place, pod in enumerate(pods):
        own = dealt(let_in, len(pods), place)
        _proxy(stage, pod, own, unrenewed=spans)
        port = f"inbound_0.0.0.0_{service.ports[0].container_port}"
        verdicts = (("allowed", own), ("denied", dealt(denied, len(pods), place)))
        for verdict, events in verdicts:
            if service.authorization == "dry-run":
                labels = {"authz_dry_run_action": "allow", "authz_dry_run_result": verdict}
            else:
                labels = {"authz_enforce_result": verdict}
            stage.recorder.counter("envoy_http_rbac", {**labels, "http_conn_manager_prefix": port}, pod, events)


def _is_about(effect: object, service: Service) -> bool:
    return isinstance(effect, NotRenewed) and effect.service == service.id


def _arrived(stage: Stage, indexes: list[int], *, denied: bool) -> Flow:
    rates = [arrivals(index, denied=denied) for index in indexes]
    return stage.flow_of(lambda moment: sum(rate(moment) for rate in rates))


def _proxy(stage: Stage, pod: Pod, requests: Flow, *, unrenewed: list[tuple[float, float]] | None = None) -> None:
    """What every Envoy with its pilot-agent reports, and the kubelet of its container."""
    recorder, steady = stage.recorder, stage.values(lambda _: 1)
    recorder.up(pod)
    recorder.gauge("istio_build", _build(stage, "proxy"), pod, steady)
    recorder.gauge("envoy_server_live", {}, pod, steady)
    expiry = tuple(_left(pod, scrape * stage.step, unrenewed or []) for scrape in range(stage.scrapes))
    recorder.gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "default"}, pod, expiry)
    recorder.gauge("envoy_server_memory_allocated", {}, pod, (MEMORY,) * stage.scrapes)
    container = Pod(pod.namespace, pod.name, "kubelet", 10250)
    named = {"container": "istio-proxy"}
    recorder.gauge("container_memory_working_set_bytes", named, container, (2 * MEMORY,) * stage.scrapes)
    used, total = [], 0.0
    for count in (0, *requests):
        total = round(total + CPU * stage.step + CPU_PER_REQUEST * count, 6)
        used.append(total)
    recorder.gauge("container_cpu_usage_seconds_total", named, container, used)


def _left(pod: Pod, second: float, unrenewed: list[tuple[float, float]]) -> float:
    """Seconds that a pod's certificate has left: between half of its life and all of it, unless it is not renewed."""
    for begin, end in unrenewed:
        if begin <= second < end:
            return round(LEFT_UNRENEWED - (second - begin))
    half = CERTIFICATE // 2
    # Pods did not start together; told by the name, so that the same pod always gets the same.
    age = (sum(map(ord, f"{pod.namespace}/{pod.name}")) * 977 + second) % half
    return round(CERTIFICATE - age)


@dataclass(frozen=True)
class ControlPlane:
    """What istiod reports."""

    stage: Stage

    @cached_property
    def proxies(self) -> int:
        return 2 * len(self.stage.inventory.in_mesh)

    def record(self) -> None:
        pods = istiods(self.stage)
        for place, pod in enumerate(pods):
            self.stage.recorder.up(pod)
            self._itself(pod, self.proxies // len(pods))
            if place == 0:
                self._work(pod)

    def _itself(self, pod: Pod, proxies: int) -> None:
        stage, recorder = self.stage, self.stage.recorder
        recorder.gauge("istio_build", _build(stage, "pilot"), pod, stage.values(lambda _: 1))
        version = {"version": _build(stage, "pilot")["tag"]}
        recorder.gauge("pilot_xds", version, pod, stage.values(lambda _: proxies))
        recorder.gauge("pilot_services", {}, pod, stage.values(lambda _: len(stage.inventory.services)))
        for name in ("root_cert", "cert_chain"):
            expires = stage.values(lambda held: stage.epoch + (held.mesh.authority_expires or AUTHORITY))
            recorder.gauge(f"citadel_server_{name}_expiry_timestamp", {}, pod, expires)
        for name in telemetry.CONFLICTS:
            # Set anew at each push (istio `pilot/pkg/model/push_context.go`, `UpdateMetrics`), so also to zero.
            recorder.gauge(name, {}, pod, stage.values(lambda _: 0))

    def _work(self, pod: Pod) -> None:
        """What istiod does: pushes, certificates, webhooks. The leader's share stands for all of it."""
        self._pushes(pod)
        self._convergence(pod)
        recorder, stage = self.stage.recorder, self.stage
        certificates = stage.steadily(self.proxies / (CERTIFICATE // 2))
        recorder.counter("citadel_server_csr_count", {}, pod, certificates)
        recorder.counter("citadel_server_success_cert_issuance_count", {}, pod, certificates)
        failed = stage.events(lambda held: 0.1 if held.mesh.failed_injections else 0.0)
        well = stage.events(lambda held: 0.0 if held.mesh.failed_injections else 1 / 60)
        recorder.counter("sidecar_injection_requests_total", {}, pod, tuple(map(sum, zip(failed, well, strict=True))))
        recorder.counter("sidecar_injection_success_total", {}, pod, well)
        recorder.counter("sidecar_injection_failure_total", {}, pod, failed, known=False)
        kind = {"group": "networking.istio.io", "version": "v1", "resource": "virtualservices"}
        recorder.counter("galley_validation_passed", kind, pod, stage.steadily(1 / 300))

    def _pushes(self, pod: Pod) -> None:
        stage, recorder = self.stage, self.stage.recorder
        for kind in PUSHES:
            recorder.counter("pilot_xds_pushes", {"type": kind}, pod, stage.steadily(0.2))
        failed = stage.events(lambda held: 0.2 if held.mesh.failed_pushes else 0.0)
        recorder.counter("pilot_xds_pushes", {"type": "cds_senderr"}, pod, failed, known=False)
        rejected = stage.events(lambda held: 0.1 if held.mesh.rejected_pushes else 0.0)
        recorder.counter("pilot_total_xds_rejects", {"type": "cds"}, pod, rejected, known=False)

    def _convergence(self, pod: Pod) -> None:
        name = "pilot_proxy_convergence_time"
        for limit in (*CONVERGENCE_LIMITS, float("inf")):
            within = self.stage.events(partial(_converged, limit))
            le = "+Inf" if limit == float("inf") else str(float(limit))
            self.stage.recorder.counter(f"{name}_bucket", {"le": le}, pod, within)
        everything = self.stage.steadily(CHANGES)
        self.stage.recorder.counter(f"{name}_count", {}, pod, everything)


def _converged(limit: float, held: Conditions) -> float:
    """Changes per second that reach the proxies within so many seconds."""
    return CHANGES if held.mesh.convergence <= limit else 0.0
