"""kubectl's commands for one service, complete as they stand."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from observe import policy
from observe.runbooks.subject import workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from observe.model import Service
    from observe.runbooks.subject import Subject, View

SINCE: Final = "15m"
"""How far logs are read back: longer than any alert on requests takes to fire."""


def pods(subject: Subject) -> str:
    return f"{_of(subject)} get pods -l {subject.selector} -o wide"


def endpoints(subject: Subject) -> str:
    """The addresses that Kubernetes holds ready, from which Istio takes them."""
    return f"{_of(subject)} get endpointslices -l kubernetes.io/service-name={subject.service.name}"


def events(subject: Subject) -> str:
    """What went wrong lately in the namespace: scheduling, images, probes, memory."""
    return f"{_of(subject)} get events --field-selector type=Warning --sort-by=.lastTimestamp"


def rollouts(subject: Subject) -> str:
    """Every roll-out that is remembered, with its age: `rollout history` gives none."""
    kept = "replicasets" if subject.service.workload.kind == "Deployment" else "controllerrevisions"
    return f"{_of(subject)} get {kept} -l {subject.selector} --sort-by=.metadata.creationTimestamp"


def undo(subject: Subject) -> str:
    return f"{_of(subject)} rollout undo {_all(subject)}"


def restart(service: Service) -> str:
    return f"kubectl -n {service.namespace} rollout restart {' '.join(workloads(service))}"


def status(subject: Subject) -> str:
    return "\n".join(f"{_of(subject)} rollout status {each} --timeout=2m" for each in workloads(subject.service))


def workload(subject: Subject) -> str:
    return f"{_of(subject)} get {_all(subject)} -o wide"


def autoscaler(subject: Subject) -> str:
    return f"{_of(subject)} get horizontalpodautoscalers"


def scale(subject: Subject) -> str | None:
    """Half as many instances more; None where more would not be more of the same: nodes decide how many there are,
    each has data of its own, or several workloads share them.
    """
    service = subject.service
    if service.workload.kind != "Deployment" or service.versions or not subject.in_cluster:
        return None
    more = math.ceil(1.5 * policy.instances(service))
    return f"{_of(subject)} scale {_all(subject)} --replicas={more}"


def usage(subject: Subject) -> str:
    return f"{_of(subject)} top pods -l {subject.selector} --containers"


def application_log(subject: Subject) -> str:
    """The default container's, which injection makes the application's."""
    return f"{_of(subject)} logs -l {subject.selector} --since={SINCE} --tail=200 --prefix"


def previous_log(subject: Subject) -> str:
    """What a container said before it was restarted."""
    return f"{_of(subject)} logs -l {subject.selector} --previous --tail=50 --prefix --ignore-errors"


def each_pod(subject: Subject, command: str) -> str:
    """A command in the proxy of every pod."""
    pods = f"$({_of(subject)} get pods -l {subject.selector} -o name)"
    inside = f"{_of(subject)} exec $pod -c istio-proxy -- {command}"
    return f'for pod in {pods}; do\n  echo "== $pod"\n  {inside}\ndone'


def service(subject: Subject) -> str:
    return f"{_of(subject)} get service {subject.service.name} -o wide"


def objects(subject: Subject, kinds: str) -> str:
    """All objects of some kinds in the service's namespace."""
    return f"{_of(subject)} get {kinds}"


def access_log(views: Sequence[View], select: str, show: str) -> str:
    """Lines of the proxies' JSON access logs that a jq condition picks, counted; most frequent first.

    The fields are those of Istio's own format (`EnvoyJSONLogFormatIstio` in `pilot/pkg/model/telemetry_logging.go`).
    It has no gRPC status.
    """
    logs = [
        f"kubectl -n {view.namespace} logs -l {view.selector} -c istio-proxy --since={SINCE} --tail=-1"
        for view in views
    ]
    source = logs[0] if len(logs) == 1 else "(\n" + "".join(f"  {log}\n" for log in logs) + ")"
    return f"{source} | jq -rR 'fromjson? | select({select}) | \"{show}\"' | sort | uniq -c | sort -rn | head -20"


def ztunnel_log(subject: Subject) -> str:
    """Connections to the service that ztunnels could not carry. Each logs a line when a connection ends, with `error`
    where it failed (ztunnel `src/proxy/metrics.rs`).
    """
    root = subject.mesh.root_namespace
    logs = f"kubectl -n {root} logs -l app=ztunnel --since={SINCE} --tail=-1 --prefix"
    return f"{logs} | grep -F {subject.host} | grep -F error | tail -20"


def _of(subject: Subject) -> str:
    return f"kubectl -n {subject.service.namespace}"


def _all(subject: Subject) -> str:
    return " ".join(workloads(subject.service))
