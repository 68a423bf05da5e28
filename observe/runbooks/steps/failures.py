"""Steps for requests and connections that fail or are slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.model import format_duration
from observe.promql import Aggregation, Binary, Matcher, Number, Selector, equal, rate, selected, sum_by, union
from observe.runbooks import flags, istioctl, kubectl
from observe.runbooks.step import ask, change, note, run
from observe.signals import service_labels
from observe.signals.presence import pods
from observe.signals.requests import CALLER_LABELS, FAULTS, faults
from observe.signals.tcp import CALLER_SIDE, FAILED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from observe.naming import AlertName
    from observe.promql import Expr
    from observe.runbooks.step import Step
    from observe.runbooks.subject import Subject, View

MOST: Final = 5
"""Of what is worst."""
OPERATION: Final = r'\(.method // "-") \(.path // "-" | split("?")[0])'
"""In jq, of a line of the access log; without what may be a customer's."""
OWN_TIME: Final = r'\(.upstream_service_time // "-")'
"""In jq: milliseconds that the callee took."""
HUNDREDS: Final = r"\(((.duration | tonumber) / 100 | floor) * 100)"
"""In jq: how long it took, rounded so that lines can be counted together."""


def failing(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:
    """Requests fail: since when, how, for whom, where, and what stops it."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    yield from _roll_out(subject)
    unheard_of = {"FI": not service.faults, "RL": service.rate_limit is None}
    yield ask(
        mesh, "**What do the proxies say?** Failures per second; the flag decides what to look at.", flagged(subject)
    )
    without = frozenset(flag for flag, cannot_be in unheard_of.items() if cannot_be)
    yield note(flags.table(frozenset(here), without))
    yield ask(
        mesh,
        "**Who is hurt?** Failures per second by caller. One caller alone: its requests, its proxy, its version.",
        _top(signals.edges.failed.of(service)),
    )
    if service.endpoints and (subject.sidecars or subject.waypoint):
        yield ask(mesh, "**Which operation?** Of what arrived.", _top(signals.endpoints.failed.of(service)))
    if subject.callees:
        yield ask(
            mesh,
            "**Is it a callee?** Share of failures of those that it calls and waits for. Its team has been told too.",
            _worst(tuple(signals.fast.errors.of(callee) for callee in subject.callees)),
        )
    if subject.sidecars:
        yield ask(
            mesh,
            "**Which instance?** Failures per second by pod, of what arrived. One pod: that pod. All: what they share.",
            by_pod(subject),
        )
    yield from _instances(subject)
    yield from _logs(subject)
    yield from _saturated(subject)


def slow(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001 - the shape of all
    """Requests are slow: all or some, here or further down."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    share = service.objectives.latency.quantile
    median, high = signals.latency(0.5).of(service), signals.latency(share).of(service)
    yield from _roll_out(subject)
    yield ask(
        mesh,
        f"""
        **All requests or a few?** {signals.latency(share).title} over the median. Near 1: all are slow (saturation,
        a callee). Above 10: a few are (one instance, a lock, a cold cache, retries).
        """,
        Binary("/", high, median),
    )
    if subject.callees:
        yield ask(
            mesh,
            "**Is it a callee?** Milliseconds at the same quantile, of those that it calls and waits for.",
            _worst(tuple(signals.latency(share).of(callee) for callee in subject.callees)),
        )
    yield ask(
        mesh,
        "**Is it retries?** Retries for each request: what is tried again counts with all its tries and waits.",
        signals.retries.share.of(service),
    )
    yield ask(
        mesh,
        "**Is there more of it?** Now against a day ago: 2 is twice the requests.",
        Binary("/", signals.rate.of(service), signals.rate.of(service).before("1d")),
    )
    if subject.sidecars:
        seen = (Matcher("namespace", "=", service.namespace), pods(service))
        yield ask(
            mesh,
            "**Are the proxies themselves busy?** Cores by pod; a proxy at its limit is slow for all.",
            signals.saturation.cpu.where(seen),
        )
    limit = service.objectives.latency.limit
    if _logs_requests(subject):
        views, arrived = _log_views(subject)
        yield run(
            """
            **Which requests?** Slow ones by path: `app` is the callee's own time, `all` includes queues, retries and
            the network. Both alike: the application. `all` far above `app`: the mesh, or retries.
            """,
            kubectl.access_log(
                views,
                f"{arrived} and (.duration | tonumber? // 0) > {limit}",
                f"{OPERATION} all={HUNDREDS}ms app={OWN_TIME}",
            ),
        )
    if subject.balancers:
        yield run("**Which time-outs and retries are in force?**", istioctl.routes(subject))
    yield from _saturated(subject)


def connections(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001 - the shape of all
    """TCP connections cannot be opened."""
    mesh, service = subject.mesh, subject.service
    yield from _roll_out(subject)
    if mesh.data_plane == "sidecar":
        window = format_duration(subject.signals.fast.window)
        failed = Selector(telemetry.TCP_OPENED, (CALLER_SIDE, FAILED, *equal(service_labels(service))))
        yield ask(
            mesh,
            "**Who cannot connect, and why?** `UF`: refused or timed out. `UH`: no instance. `UO`: a pool limit.",
            _top(sum_by((*CALLER_LABELS, "response_flags"), rate(failed, window))),
        )
    else:
        yield run("**What do the ztunnels say?** `error` names the reason.", kubectl.ztunnel_log(subject))
    yield from _instances(subject)
    if mesh.data_plane == "sidecar" and _logs_requests(subject) and subject.views:
        yield run(
            "**Reasons in the callers' access logs**, such as `delayed_connect_error:_Connection_refused`:",
            kubectl.access_log(
                subject.views,
                f'(.upstream_cluster // "" | endswith("|{subject.host}")) and .response_flags != "-"',
                r'\(.response_flags) \(.upstream_transport_failure_reason // "-") \(.upstream_host // "-")',
            ),
        )


def _instances(subject: Subject) -> Iterator[Step]:
    """What there is to call."""
    if subject.in_cluster:
        yield run(
            f"""
            **Are its instances there?** Declared: {policy.instances(subject.service)}. `READY` below the full count,
            `RESTARTS`, a young `AGE` and events tell of crashes, probes and memory.
            """,
            kubectl.pods(subject),
            kubectl.endpoints(subject),
            kubectl.events(subject),
        )
    if subject.balancers:
        yield run(
            "**Do its callers see them?** Fewer than are ready: configuration does not arrive. `FAILED`: ejected.",
            istioctl.endpoints(subject),
        )
    elif subject.ambient:
        yield run(
            "**Do the ztunnels see them?**",
            istioctl.services(subject.service.namespace),
            istioctl.workloads(subject.service.namespace),
        )


def _logs(subject: Subject) -> Iterator[Step]:
    if not subject.in_cluster:
        return
    if _logs_requests(subject):
        views, scope = _log_views(subject)
        grpc = " gRPC failures have code 200 there, and no status." if subject.service.speaks_grpc else ""
        yield run(
            f"**Which requests, exactly?** Failed ones by code, flag, reason and path, from the access logs.{grpc}",
            kubectl.access_log(
                views,
                f'{scope} and ((.response_code | tonumber? // 0) >= 500 or (.response_flags // "-") != "-")',
                r'\(.response_code) \(.response_flags) \(.response_code_details // "-") ' + OPERATION,
            ),
        )
    yield run("**What does the application say?**", kubectl.application_log(subject), kubectl.previous_log(subject))


def _roll_out(subject: Subject) -> Iterator[Step]:
    """What most incidents begin with: a change. First of all whether it was one on purpose."""
    service = subject.service
    if service.faults:
        named = ", ".join(f"`{fault.name}` until {fault.expires}" for fault in service.faults)
        yield note(
            f"**Faults are injected on purpose:** {named}. Remove them from the inventory and publish to end them."
        )
    if not subject.in_cluster:
        yield note(f"**Is it there?** `{subject.host}` is outside the cluster: ask whoever runs it.")
        return
    yield run("**Did a roll-out begin it?** Is one as young as the alert?", kubectl.rollouts(subject))
    if service.versions:
        yield ask(
            subject.mesh,
            "**Is it one version?** Failures per second, of what arrived, by version.",
            _top(sum_by(("destination_version",), _failures_that_arrived(subject))),
        )
        yield note("One version: set its `weight` below `versions` to 0 in the inventory, and publish.")
        return
    yield change(
        "If so, go back before you look for the reason. Where Git decides what runs, revert there.",
        kubectl.undo(subject),
        kubectl.status(subject),
    )


def _saturated(subject: Subject) -> Iterator[Step]:
    if more := kubectl.scale(subject):
        yield run(
            "**Is it saturated?** CPU or memory near its limit, in most pods?",
            kubectl.usage(subject),
            kubectl.autoscaler(subject),
        )
        yield change(
            """
            If so, half as many instances more; where an autoscaler is, raise its minimum instead. Declare `replicas`
            afterwards: ejection and pool limits follow from it.
            """,
            more,
        )


def _logs_requests(subject: Subject) -> bool:
    """Whether some proxy writes of each request to it."""
    return subject.mesh.installation.access_log == "json" and bool(subject.sidecars or subject.views)


def _log_views(subject: Subject) -> tuple[tuple[View, ...], str]:
    """Whose access logs tell of requests to it, and which of their lines do: those of the proxies that send them on,
    since they also know of what never arrived; else its own.
    """
    if subject.views:
        return subject.views, f'(.upstream_cluster // "" | endswith("|{subject.host}"))'
    return (subject.own,), '(.upstream_cluster // "" | startswith("inbound|"))'


def flagged(subject: Subject) -> Expr:
    """Failures by how they ended."""
    of_service = equal(service_labels(subject.service))
    failures = selected(faults(subject.signals.slow.answers), *of_service)
    return _top(sum_by(("response_code", "grpc_response_status", "response_flags"), failures))


def by_pod(subject: Subject) -> Expr:
    """Failures by pod."""
    return _top(sum_by(("pod",), _failures_that_arrived(subject)))


def _failures_that_arrived(subject: Subject) -> Expr:
    """From raw series: records know services only."""
    window = format_duration(subject.signals.slow.window)
    arrived = Selector(telemetry.REQUESTS, (telemetry.receiver(subject.mesh), *equal(service_labels(subject.service))))
    return union(*(rate(arrived.where(*fault), window) for fault in FAULTS))


def _worst(of_each: tuple[Expr, ...]) -> Expr:
    return Aggregation("topk", (), union(*of_each), Number(MOST))


def _top(found: Expr) -> Expr:
    """The most of it, and nothing of what there is none of."""
    return Aggregation("topk", (), Binary(">", found, Number(0)), Number(MOST))
