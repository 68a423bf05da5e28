"""Steps for circuit breakers, connection pools and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from observe import policy, telemetry
from observe.model import format_duration
from observe.naming import runbook_anchor
from observe.promql import Aggregation, Binary, Matcher, Number, Selector, escape_regex, rate, sum_by
from observe.runbooks import istioctl, kubectl
from observe.runbooks.step import ask, change, note, run
from observe.signals.requests import CALLER_LABELS
from observe.telemetry import has_flag

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from observe.naming import AlertName
    from observe.promql import Expr
    from observe.runbooks.step import Step
    from observe.runbooks.subject import Subject

FAILING: Final = f"#{runbook_anchor('ServiceErrorRateHigh')}"
"""Which every service with requests has."""


def ejections(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:
    """Instances are ejected, or should be and may not."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    yield note(f"**The breaker:** {breaker(subject)}")
    yield ask(
        mesh,
        "**Who ejects?** Instances that each calling proxy keeps out. One proxy: look at it. All: at the service.",
        Binary(">", _ejected(subject), Number(0)),
    )
    if subject.balancers:
        yield run(
            """
            **Which instance?** `FAILED` in the column OUTLIER CHECK; its address is the `IP` of a pod. Answers of
            5xx and connections that fail count alike.
            """,
            istioctl.endpoints(subject),
            kubectl.pods(subject),
        )
    if service.request_ports:
        yield ask(
            mesh,
            "**Are callers left without any?** Requests per second with the flag `UH`. Above 0: it is an outage.",
            signals.breakers.no_instance.of(service),
        )
    if service.request_ports:
        yield note(f"Failures by instance, flag and caller: [as for failing requests]({FAILING}).")
    yield run(
        "**One instance:** read its log, then delete that pod: a new one has a new address and is not ejected. "
        "**All:** what they share, a callee or a roll-out.",
        kubectl.application_log(subject),
        kubectl.rollouts(subject),
    )
    if "ServiceEjectionsDenied" in here:
        outlier = policy.breaker(subject.inventory, service).outlier
        percent = outlier.max_ejection_percent.value if outlier else 0
        yield note(
            f"""
            **Ejections denied:** {percent}% of the instances may be out, and as many are. So callers go on calling
            failing ones: restore instances rather than raise `breaker.max_ejection_percent`, for what is left would get
            all the load.
            """
        )


def overflow(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001 - the shape of all
    """A pool limit turns requests or connections away."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    yield note(f"**The limits, of one calling proxy:** {pool(subject)}")
    if service.request_ports:
        turned = sum_by(CALLER_LABELS, signals.edges.answers.of(service).where(has_flag("UO")))
        yield ask(
            mesh,
            "**Whom does it turn away?** Requests per second by caller. One: that caller sends too much at once.",
            Aggregation("topk", (), Binary(">", turned, Number(0)), Number(5)),
        )
        yield ask(
            mesh,
            "**How near is the busiest caller?** Its requests in flight, as of the last scrape; bursts do not show.",
            signals.breakers.active_requests.of(service),
        )
        share = service.objectives.latency.quantile
        yield ask(
            mesh,
            """
            **More requests, or slower ones?** Requests in flight are rate times duration: a service that became slow
            fills the pool at the same rate. Then its latency is the incident, and a higher limit makes it worse.
            """,
            signals.latency(share).of(service),
        )
    else:
        yield ask(
            mesh,
            "**How near is the busiest caller?** Its open connections, as of the last scrape.",
            signals.breakers.active_connections.of(service),
        )
    if subject.views:
        yield run("**What is in force?** The limits as the proxies have them.", istioctl.breaker(subject))
    if more := kubectl.scale(subject):
        yield run("**Slow because saturated?**", kubectl.usage(subject), kubectl.autoscaler(subject))
        yield change("Saturated: half as many instances more; raise the autoscaler's minimum where there is one.", more)
    yield note(
        "**Not slow, and not saturated:** raise `breaker.max_requests`, `breaker.max_pending_requests` or "
        "`breaker.max_connections` of the service in the inventory, and publish; proxies take it without a restart."
    )


def retries(subject: Subject, here: Collection[AlertName]) -> Iterator[Step]:  # noqa: ARG001
    """Callers retry so much that it is load of its own."""
    mesh, signals, service = subject.mesh, subject.signals, subject.service
    found = signals.retries
    yield ask(
        mesh,
        "**Do retries help?** Share of the retries that succeed. Near 0: they only add load, turn them off.",
        Binary("/", found.succeeded.of(service), Binary(">", found.rate.of(service), Number(0))),
    )
    yield ask(
        mesh,
        "**Whose are they?** Retries per second by calling proxy.",
        Aggregation("topk", (), Binary(">", _retried(subject), Number(0)), Number(5)),
    )
    yield note(f"What is tried again fails first, and that is the cause: [as for failing requests]({FAILING}).")
    if subject.balancers:
        yield run("**What is in force?** Time-outs and retries of the routes.", istioctl.routes(subject))
    yield note(
        f"""
        **Stop the storm:** set `retries: {{attempts: 0}}` in the inventory, below the call of the busiest caller or
        below `route` of {service.name}, and publish; proxies take it without a restart. Put it back when the cause is
        gone. Retries in the applications' own code multiply with these and do not show here.
        """
    )


def breaker(subject: Subject) -> str:
    """When an instance is ejected, with what decided each number."""
    outlier = policy.breaker(subject.inventory, subject.service).outlier
    if outlier is None:
        return "no instance is ever ejected."
    percent, health = outlier.max_ejection_percent, outlier.min_health_percent
    least = f"; set aside below {health.value}% healthy ({health.origin.why})" if health else ""
    return (
        f"out after {outlier.consecutive_5xx.value} failures in a row ({outlier.consecutive_5xx.origin.why}), for "
        f"{format_duration(outlier.base_ejection_time.value)} times the number of its ejections "
        f"({outlier.base_ejection_time.origin.why}), reviewed every {format_duration(outlier.interval.value)}, at most "
        f"{percent.value}% at once ({percent.origin.why}){least}."
    )


def pool(subject: Subject) -> str:
    """How much may be in flight from one calling proxy, with what decided each number."""
    limits = policy.departures(subject.graph, subject.service)
    parts = (
        ("connections", limits.max_connections),
        ("waiting requests", limits.max_pending_requests),
        ("requests in flight", limits.max_requests),
    )
    said = ", ".join(f"{value.value} {what} ({value.origin.why})" for what, value in parts)
    return f"{said}; {format_duration(limits.connect_timeout.value)} to connect ({limits.connect_timeout.origin.why})."


def _ejected(subject: Subject) -> Expr:
    """By calling pod: from the raw series, since the record keeps the worst alone."""
    return Aggregation("max", ("namespace", "pod"), Selector(telemetry.EJECTIONS_ACTIVE, (_clusters(subject),)))


def _retried(subject: Subject) -> Expr:
    window = format_duration(subject.signals.slow.window)
    raw = Selector(telemetry.RETRIES, (_clusters(subject),))
    return sum_by(("namespace", "pod"), rate(raw, window))


def _clusters(subject: Subject) -> Matcher:
    """The service's clusters in callers' proxies and in waypoints."""
    return Matcher("cluster_name", "=~", rf"(outbound|inbound-vip)\|.+\|{escape_regex(subject.host)}")
