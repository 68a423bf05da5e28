"""Who reports a request or a connection, and with which labels.

Follows istio/proxy `istio_stats.cc` (sidecars, gateways, waypoints) and ztunnel `metrics.rs`: which side knows what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from observe.naming import WAYPOINT, digest, host_of, principal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from observe.model import Mesh, Service
    from observe.simulation.telemetry import Labels

PODS: Final = 2
"""Reporters of a workload, whatever its replicas: more of them say nothing new and cost as much again."""
PROXIES: Final = "envoy-stats"
"""The `job` of everything that a pilot-agent offers on port 15020."""
AGENT_PORT: Final = 15020
UNKNOWN: Final = "unknown"
CLUSTER: Final = "Kubernetes"
"""The cluster's name where the installation gives none (istio `pkg/config/constants`)."""


Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]


@dataclass(frozen=True, slots=True)
class Pod:
    """A target of Prometheus: a pod, and what it is scraped for."""

    namespace: str
    name: str
    job: str = PROXIES
    port: int = AGENT_PORT

    def labels(self, mesh: Mesh) -> dict[str, str]:
        """What Prometheus adds to everything that the pod reports."""
        of_mesh = {mesh.prometheus.cluster_label: cluster_of(mesh)} if mesh.prometheus.cluster_label else {}
        instance = f"{self.name}.{self.namespace}:{self.port}"
        return {"namespace": self.namespace, "pod": self.name, "instance": instance, "job": self.job, **of_mesh}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Without a proxy nobody reports for it, and the callee does not know its name."""

    workload: str = "web"
    namespace: str = "front"
    account: str | None = None
    """Its service account; the workload's name when absent."""
    proxy: bool = True
    """Whether its requests pass a proxy of this mesh that says who it is."""
    secured: bool = True
    """Whether its connections are encrypted and authenticated, where the callee can do that."""
    scraped: bool = True
    """Whether this Prometheus scrapes its proxy: not that of another mesh."""
    gateway: bool = False
    """Whether it is an ingress gateway: it reports for itself in an ambient mesh too, and goes around waypoints, as
    long as no service asks it not to (`istio.io/ingress-use-waypoint`)."""
    trust_domain: str | None = None
    """That of its identity, where it is not the mesh's."""
    kind: Kind = "Deployment"
    """What runs its pods."""
    replicas: int = PODS

    @property
    def pods(self) -> tuple[Pod, ...]:
        """Those that are simulated."""
        return pods_of(self.namespace, self.workload, min(PODS, self.replicas), kind=self.kind)


WEB: Final = Caller()
IN_PLAINTEXT: Final = Caller("legacy", "front", secured=False)
"""Has a proxy, but its connections are not encrypted."""
OUTSIDE: Final = Caller(UNKNOWN, UNKNOWN, proxy=False, secured=False, scraped=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended; `arrived` says whether the callee's proxy saw it at all."""

    code: str = "200"
    """The response code; "0" when there was none: the request was not completed, and has no duration."""
    grpc: str = ""
    """The gRPC status; empty for HTTP."""
    flags: str = "-"
    """Envoy's response flags, joined by commas."""
    arrived: bool = True


def success(service: Service) -> Answer:
    return Answer(grpc="0") if service.speaks_grpc else Answer()


def failure(service: Service, code: str = "503") -> Answer:
    """The application's own: an HTTP code, or gRPC status UNAVAILABLE, whose response code is 200."""
    return Answer(grpc="14") if service.speaks_grpc else Answer(code)


def turned_away(service: Service, flags: str, code: str = "503") -> Answer:
    """By the caller's proxy: no instance was reached. For gRPC it answers 200 with status 14."""
    return replace(failure(service, code), flags=flags, arrived=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What one side says of an edge, and the pods that say it."""

    reporter: str
    labels: Mapping[str, str]
    pods: tuple[Pod, ...]


def pods_of(
    namespace: str, workload: str, count: int = PODS, *, kind: Kind = "Deployment", job: str = PROXIES
) -> tuple[Pod, ...]:
    """The pods of a workload that are simulated, with names as Kubernetes makes them, but the same in every run."""
    made = digest(f"{namespace}/{workload}".encode(), 15)
    behind = {"StatefulSet": "", "DaemonSet": "", "Deployment": f"-{made[:10]}"}[kind]
    return tuple(
        Pod(namespace, f"{workload}{behind}-{number if kind == 'StatefulSet' else f'{made[10:14]}{number}'}", job)
        for number in range(count)
    )


def pods_of_service(service: Service) -> tuple[Pod, ...]:
    """The pods of a service that are simulated: no more than it has."""
    count = min(PODS, service.replicas)
    return pods_of(service.namespace, service.workload_name, count, kind=service.workload.kind)


def caller_of(service: Service) -> Caller:
    """A service as the callee sees it."""
    if not service.in_mesh:
        return OUTSIDE
    return Caller(
        service.workload_name,
        service.namespace,
        service.service_account or "default",
        kind=service.workload.kind,
        replicas=service.replicas,
    )


def waypoint_of(namespace: str) -> Caller:
    """A namespace's waypoint, as ztunnels see it."""
    return Caller(WAYPOINT, namespace, WAYPOINT)


def cluster_of(mesh: Mesh) -> str:
    return mesh.installation.cluster or CLUSTER


def request_reports(mesh: Mesh, service: Service, caller: Caller, *, arrived: bool = True) -> Iterator[Report]:
    """Everyone who reports an HTTP or gRPC request from a caller to a service.

    In ambient the waypoint does, if there is one and the caller's connections are captured.
    """
    if mesh.data_plane == "ambient":
        yield from _ambient_request_reports(mesh, service, caller, arrived=arrived)
        return
    if caller.proxy and caller.scraped:
        yield _report("source", mesh, service, caller, UNKNOWN, caller.pods, arrived=arrived)
    if arrived and service.in_mesh:
        yield _report("destination", mesh, service, caller, _security(service, caller), pods_of_service(service))


def connection_reports(mesh: Mesh, service: Service, caller: Caller, *, arrived: bool = True) -> Iterator[Report]:
    """Everyone who reports a TCP connection: both proxies, in ambient both ztunnels.

    ztunnel knows on both sides whether it was encrypted, and has no word for plaintext.
    """
    if mesh.data_plane == "sidecar":
        yield from request_reports(mesh, service, caller, arrived=arrived)
        return
    security = "mutual_tls" if _security(service, caller) == "mutual_tls" else UNKNOWN
    here, there = ztunnels(mesh)
    if caller.proxy and caller.scraped:
        yield _report("source", mesh, service, caller, security, (here,), arrived=arrived)
    if arrived and service.in_mesh:
        yield _report("destination", mesh, service, caller, security, (there,))


def ztunnels(mesh: Mesh) -> tuple[Pod, Pod]:
    """The ztunnels of two nodes: on one the callers run, on the other the callees."""
    here, there = pods_of(mesh.root_namespace, "ztunnel", kind="DaemonSet", job="ztunnel")
    return here, there


def _ambient_request_reports(mesh: Mesh, service: Service, caller: Caller, *, arrived: bool) -> Iterator[Report]:
    if caller.gateway:
        yield _report("source", mesh, service, caller, UNKNOWN, caller.pods, arrived=arrived)
    elif mesh.has_waypoint(service.namespace) and caller.proxy:
        security = _security(service, caller)
        waypoints = pods_of(service.namespace, WAYPOINT)
        yield _report("waypoint", mesh, service, caller, security, waypoints, arrived=arrived)


def _security(service: Service, caller: Caller) -> str:
    """What the callee knows: whether both sides showed a certificate."""
    return "mutual_tls" if caller.secured and service.mtls.mode != "DISABLE" else "none"


def _report(
    reporter: str, mesh: Mesh, service: Service, caller: Caller, security: str, pods: tuple[Pod, ...],
    *, arrived: bool = True,
) -> Report:  # fmt: skip
    named = _source(mesh, service, caller) | _destination(mesh, service, arrived=arrived)
    return Report(reporter, {"reporter": reporter, "connection_security_policy": security, **named}, pods)


def _source(mesh: Mesh, service: Service, caller: Caller) -> dict[str, str]:
    secured = caller.secured and service.in_mesh
    domain = caller.trust_domain or mesh.trust_domain
    identity = _spiffe(domain, caller.namespace, caller.account or caller.workload) if secured else UNKNOWN
    known = caller.workload if caller.proxy else UNKNOWN
    return {
        "source_workload": known,
        "source_workload_namespace": caller.namespace if caller.proxy else UNKNOWN,
        "source_principal": identity,
        "source_app": known,
        "source_version": "v1" if caller.proxy else UNKNOWN,
        "source_canonical_service": known,
        "source_canonical_revision": "v1" if caller.proxy else "latest",
        "source_cluster": cluster_of(mesh) if caller.proxy else UNKNOWN,
    }


def _destination(mesh: Mesh, service: Service, *, arrived: bool) -> dict[str, str]:
    """The service's names survive whatever happens; those of the workload only if an instance was chosen."""
    reached = arrived and service.outside is None
    workload = service.workload_name if reached else UNKNOWN
    identity = _spiffe(mesh.trust_domain, service.namespace, service.service_account or "default")
    return {
        "destination_service": host_of(mesh, service),
        "destination_service_name": service.outside.host if service.outside else service.name,
        "destination_service_namespace": service.namespace,
        "destination_workload": workload,
        "destination_workload_namespace": service.namespace if reached else UNKNOWN,
        "destination_principal": identity if reached and service.in_mesh else UNKNOWN,
        "destination_app": workload,
        "destination_version": "v1" if reached else UNKNOWN,
        "destination_canonical_service": workload,
        "destination_canonical_revision": "v1" if reached else "latest",
        "destination_cluster": cluster_of(mesh) if reached else UNKNOWN,
    }


def _spiffe(trust_domain: str, namespace: str, account: str) -> str:
    return f"spiffe://{principal(trust_domain, namespace, account)}"


def frozen(labels: Mapping[str, str]) -> Labels:
    """Labels as series carry them: to Prometheus an empty one is none."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))
