"""Steps for what is not there: instances, their telemetry, their traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.promql import Aggregation, Binary, Matcher, Number, Selector, over_time, sum_by
from observe.runbooks import istioctl, kubectl
from observe.runbooks.step import ask, change, note, run
from observe.signals.presence import REMEMBERED, pods
from observe.signals.requests import CALLER_LABELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from observe.naming import AlertName
    from observe.runbooks.step import Step
    from observe.runbooks.subject import Subject

WHICH: Final = """
**Which of the three is it?** Gone: no pod. Telemetry lost: pods, and Prometheus cannot read them. Stopped: pods that
are read, and nobody calls. The first command decides between the first two; believe it before any graph.
"""


def missing(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:
    """Instances, telemetry or traffic are missing: told apart first, where all three can be told."""
    if "ServiceGone" in here:
        yield from _instances(subject)
        yield from _telemetry(subject)
    elif subject.in_cluster:
        yield run("**Are its instances there?**", kubectl.pods(subject), kubectl.endpoints(subject))
    else:
        yield note(f"**Is it there?** `{subject.host}` is outside the cluster: ask whoever runs it.")
    if "ServiceTrafficStopped" in here:
        yield from _traffic(subject)


def _instances(subject: Subject) -> Iterator[Step]:
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    yield run(WHICH, kubectl.pods(subject), kubectl.workload(subject))
    reporting = signals.presence.reporting.of(service)
    yield ask(
        mesh,
        f"""
        **How many report, of how many?** Instances that report now, less the most of the last day. No answer: none
        does. Declared: {policy.instances(service)}.
        """,
        Binary("-", reporting, over_time("max", reporting, f"{REMEMBERED}:5m")),
    )
    yield run(
        """
        **No pods: why?** Scaled to 0, an admission webhook or a quota that refuses them (events of the ReplicaSet), no
        room on nodes, an image that cannot be pulled. Pods that are ready with `1/1` have lost their proxy.
        """,
        kubectl.events(subject),
        kubectl.autoscaler(subject),
        kubectl.rollouts(subject),
        istioctl.injection(subject),
    )
    yield change("A roll-out broke it: go back, and watch.", kubectl.undo(subject), kubectl.status(subject))
    yield change(
        "Its pods have no proxy, or hang: have them made anew.", kubectl.restart(service), kubectl.status(subject)
    )


def _telemetry(subject: Subject) -> Iterator[Step]:
    mesh, service = subject.mesh, subject.service
    up = Selector(telemetry.UP, (Matcher("namespace", "=", service.namespace), pods(service)))
    yield ask(
        mesh,
        """
        **Telemetry lost: which targets?** `up` is 0 where Prometheus asked and got no answer. Its page `/targets` says
        why: refused, timed out, 403, too many samples.
        """,
        Binary("==", up, Number(0)),
    )
    yield run(
        """
        **Does the proxy itself answer?** 1 or more: it does, so what lies between is at fault (NetworkPolicy, a port
        that STRICT or a policy closes, Prometheus itself). 0, or an error: the proxy is.
        """,
        kubectl.each_pod(subject, "pilot-agent request GET stats/prometheus | grep -c istio_build"),
        f"kubectl -n {service.namespace} get networkpolicies,podmonitors",
    )


def _traffic(subject: Subject) -> Iterator[Step]:
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    before = signals.edges.rate.of(service).before("30m")
    yield ask(
        mesh,
        "**Traffic stopped: who called half an hour ago?** Requests per second by caller, then.",
        Aggregation("topk", (), sum_by(CALLER_LABELS, before), Number(5)),
    )
    if subject.balancers:
        yield run(
            "**Do these callers still have a way to it?** No line: the cluster is gone from their configuration.",
            istioctl.endpoints(subject),
        )
    if subject.in_cluster:
        routed = "httproutes,gateways" if mesh.routing == "gateway-api" else "virtualservices,destinationrules,sidecars"
        yield run(
            f"""
            **What changed?** Routes and Services, by age. Nothing here and nothing at the callers: there may be nothing
            to do: a batch that ended, a queue that ran dry.{_entrances(subject)}
            """,
            kubectl.service(subject),
            f"kubectl -n {service.namespace} get {routed}",
            istioctl.analyze(service.namespace),
        )


def _entrances(subject: Subject) -> str:
    if not subject.service.exposures:
        return ""
    hosts = ", ".join(f"`{host}`" for host in dict.fromkeys(one.host for one in subject.service.exposures))
    return f" From outside it is reached as {hosts}: look at DNS, the load balancer and the certificate too."
