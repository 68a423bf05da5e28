"""istioctl's commands for one service, complete as they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Mesh
    from observe.runbooks.subject import Subject, View


def endpoints(subject: Subject) -> str:
    """The instances as callers' proxies have them; the column OUTLIER CHECK says which are ejected."""
    asked = (f'istioctl proxy-config endpoints {{}} --cluster "{cluster}"' for cluster in subject.clusters)
    return _each(subject.balancers, *asked)


def breaker(subject: Subject) -> str:
    """The limits and the outlier detection that are in force at the callers' proxies."""
    shown = "jq '.[] | {name, circuitBreakers, outlierDetection, connectTimeout}'"
    return _each(subject.views, f"istioctl proxy-config cluster {{}} --fqdn {subject.host} -o json | {shown}")


def routes(subject: Subject) -> str:
    """The routes that callers' proxies have: time-outs, retries, weights."""
    if subject.waypoint:
        return _each(subject.balancers, "istioctl proxy-config routes {}")
    shown = (
        f'jq \'.[].virtualHosts[]? | select(.domains | index("{subject.host}")) | .routes[] | '
        "{name, timeout: .route.timeout, retries: .route.retryPolicy, to: (.route.cluster // .route.weightedClusters)}'"
    )
    return _each(subject.balancers, f"istioctl proxy-config routes {{}} -o json | {shown}")


def handshakes(subject: Subject) -> str:
    """TLS of callers with the service, by Envoy's own counters."""
    lines = f"grep -F '{subject.host}' | grep -F ssl. | grep -v ': 0$'"
    return _each(subject.views, f"istioctl x envoy-stats {{}} | {lines}")


def describe(subject: Subject) -> str:
    """Which policies and routes hold for the service, as its pods have them."""
    return f"istioctl x describe service {subject.service.name} -n {subject.service.namespace}"


def analyze(namespace: str) -> str:
    return f"istioctl analyze -n {namespace}"


def authorization(subject: Subject) -> str:
    """The policies that are in force in a pod of the service."""
    return f"istioctl x authz check {subject.own.target}"


def certificates(view: View) -> str:
    return f"istioctl proxy-config secret {view.target}"


def injection(subject: Subject) -> str:
    """Which webhook would give its pods a sidecar, and why; also while there is no pod."""
    asks = ",sidecar.istio.io/inject=true" if subject.service.injection == "explicit" else ""
    return f"istioctl x check-inject -n {subject.service.namespace} -l {subject.selector}{asks}"


def log_level(view: View, level: str) -> str:
    """Of all these pods. It lasts until a pod ends, or is reset."""
    return f"istioctl proxy-config log -n {view.namespace} -l {view.selector} --level {level}"


def log_level_back(view: View) -> str:
    return f"istioctl proxy-config log -n {view.namespace} -l {view.selector} --reset"


def synchronised(mesh: Mesh) -> str:
    """What each proxy has of what istiod sent: SYNCED, STALE or NOT SENT."""
    revision = mesh.installation.revision
    return "istioctl proxy-status" + (f" --revision {revision}" if revision else "")


def workloads(namespace: str) -> str:
    """What ztunnels know of the pods of a namespace: HBONE says that they are in the mesh."""
    return f"istioctl ztunnel-config workload --workload-namespace {namespace}"


def services(namespace: str) -> str:
    """What ztunnels know of the services of a namespace: their waypoint, and how many endpoints they have."""
    return f"istioctl ztunnel-config service --service-namespace {namespace}"


def waypoint(namespace: str) -> str:
    return f"istioctl waypoint status -n {namespace} --waypoint-timeout 10s"


def _each(views: Sequence[View], *commands: str) -> str:
    """Commands for each of some pods, in a loop where there are several; `{}` stands for the pod's workload."""
    targets = [view.target for view in views]
    if len(targets) == 1:
        return "\n".join(command.replace("{}", targets[0], 1) for command in commands)
    body = "".join(f"  {command.replace('{}', '$proxy', 1)}\n" for command in commands)
    return f'for proxy in {" ".join(targets)}; do\n  echo "== $proxy"\n{body}done'
