"""Traffic that crosses a boundary: refused by policies, to hosts that nobody declared, through gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import record
from observe.promql import Matcher, Selector, rate, sum_by, tagged, union
from observe.signals.presence import POD
from observe.signals.requests import ANSWER_LABELS, CALLER_LABELS, Edges
from observe.signals.signal import Signal

if TYPE_CHECKING:
    from observe.model import Mesh
    from observe.promql import Expr

UNKNOWN_HOSTS: Final = Matcher("destination_service_name", "=", "PassthroughCluster")


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What crosses a boundary."""

    denied: Signal
    """By pod of the callee: refused by AuthorizationPolicies."""
    would_be_denied: Signal
    """By pod of the callee: let in by a dry run."""
    blocked: Signal
    """By caller: to hosts that are not registered."""
    undeclared: Signal
    """By caller: to hosts that are not registered, and let through."""
    gateway_answers: Signal
    """By gateway and how requests ended."""
    unrouted: Signal
    """By gateway: requests that no route took."""


def boundaries(mesh: Mesh, window: str, edges: Edges) -> Boundaries:
    """The signals of boundaries over the window."""
    gateways = telemetry.from_gateway(mesh)
    labels = (*CALLER_LABELS, *ANSWER_LABELS)
    return Boundaries(
        denied=_verdict(
            "denied",
            "Denied requests",
            "Requests and connections per second that AuthorizationPolicies refused, by the callee's pod.",
            Matcher("authz_enforce_result", "=", "denied"),
            window,
        ),
        would_be_denied=_verdict(
            "would-be-denied",
            "Requests that a dry run would deny",
            "Requests and connections per second that policies in dry run would refuse, by the callee's pod.",
            Matcher("authz_dry_run_result", "=", "denied"),
            window,
        ),
        blocked=_undeclared(
            "blocked",
            "Blocked egress",
            "to hosts that are not registered, which the mesh refuses",
            telemetry.BLOCKED,
            window,
        ),
        undeclared=_undeclared(
            "passed-through", "Undeclared egress", "to hosts that nobody declared, let through", UNKNOWN_HOSTS, window
        ),
        gateway_answers=Signal(
            id=f"gateway-answers-{window}",
            title="Answers by gateway",
            unit="requests/s",
            description="Requests per second through gateways, by response code and flags, as the gateway counts them.",
            record=record("gateway_answer", "istio_requests", f"rate{window}"),
            measure=sum_by(labels, edges.answers.where((gateways,))),
            labels=labels,
        ),
        unrouted=Signal(
            id=f"gateway-unrouted-{window}",
            title="Requests without a route",
            unit="requests/s",
            description="Requests per second that a gateway had no route for: a wrong host or path, or no such route.",
            record=record("gateway", "istio_requests_unrouted", f"rate{window}"),
            measure=sum_by(
                CALLER_LABELS,
                rate(
                    Selector(telemetry.REQUESTS, (Matcher("reporter", "=", "source"), gateways, telemetry.UNROUTED)),
                    window,
                ),
            ),
            labels=CALLER_LABELS,
            absent="every request found a route",
        ),
    )


def _verdict(id_: str, title: str, description: str, verdict: Matcher, window: str) -> Signal:
    return Signal(
        id=f"{id_}-{window}",
        title=title,
        unit="per second",
        description=description,
        record=record("pod", f"{telemetry.RBAC}_{id_.replace('-', '_')}", f"rate{window}"),
        measure=sum_by(POD, rate(Selector(telemetry.RBAC, (verdict,)), window)),
        labels=POD,
        absent="no policy has judged a request",
    )


def _undeclared(id_: str, title: str, where: str, hosts: Matcher, window: str) -> Signal:
    source = Matcher("reporter", "=", "source")
    kinds = (("request", telemetry.REQUESTS), ("connection", telemetry.TCP_OPENED))
    rates: list[Expr] = [
        tagged(rate(Selector(metric, (source, hosts)), window), "kind", kind) for kind, metric in kinds
    ]
    return Signal(
        id=f"{id_}-{window}",
        title=title,
        unit="per second",
        description=f"Requests and TCP connections per second {where}, by caller.",
        record=record("caller", f"istio_{id_.replace('-', '_')}", f"rate{window}"),
        measure=sum_by(CALLER_LABELS, union(*rates)),
        labels=CALLER_LABELS,
        absent="nothing was sent to such hosts",
    )
