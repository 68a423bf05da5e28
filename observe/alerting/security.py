"""Alerts on encryption, authorization and egress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observe import policy
from observe.alerting import told
from observe.alerting.conditions import at_least, below, guarded, more_than_one, total
from observe.alerting.draft import Draft
from observe.model import format_percent
from observe.promql import Binary, Matcher, Number, equal
from observe.signals.presence import pods
from observe.signals.requests import CALLER_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from observe.model import Service
    from observe.signals import Catalogue


def security_alerts(signals: Catalogue, service: Service) -> Iterator[Draft]:
    """The alerts of one service."""
    mesh = signals.mesh
    if policy.watches_mtls(service):
        yield _coverage(signals, service)
        yield _plaintext(signals, service)
    if policy.watches_proxies(mesh, service):
        yield _denied(signals, service)
    if policy.watches_egress(mesh, service):
        yield _blocked(signals, service)


def _coverage(signals: Catalogue, service: Service) -> Draft:
    limits, window = policy.thresholds(service), signals.slow.window
    signal = signals.mtls(service)
    condition = guarded(
        below(signal.of(service), limits.mtls),
        at_least(signals.mtls_traffic(service).of(service), limits.minimum_requests, window),
        more_than_one(signals.mtls_plaintext(service).of(service), window),
    )
    says = (
        "only {{ $value | humanizePercentage }} of what arrives is mutual TLS, "
        f"less than {format_percent(limits.mtls.value)}"
    )
    details = (told.plaintext_caller(signals, service),)
    return Draft("ServiceMtlsCoverageLow", "warning", "security", condition, signal, says, details, "mtls")


def _plaintext(signals: Catalogue, service: Service) -> Draft:
    """Any plaintext where there must be none: under STRICT, or after a day in which there was none."""
    strict = service.mtls.mode == "STRICT"
    signal = signals.mtls_plaintext(service)
    condition = more_than_one(signal.of(service), signals.slow.window)
    if strict:
        why = "It is STRICT by the inventory, so the policy is not in force."
    else:
        lately = signals.encryption.lately.of(service)
        condition = guarded(condition, Binary("==", lately, Number(0)))
        why = "For a day it had been ready for STRICT."
    return Draft(
        "ServicePlaintextCaller",
        "warning",
        "security",
        condition,
        signal,
        "{{ $value | humanize }} requests and connections per second arrive in plaintext",
        (why, told.plaintext_caller(signals, service)),
        "mtls",
    )


def _denied(signals: Catalogue, service: Service) -> Draft:
    signal = signals.boundaries.denied
    of_pods = signal.where((Matcher("namespace", "=", service.namespace), pods(service)))
    refused = Matcher("grpc_response_status", "=", "7") if service.speaks_grpc else Matcher("response_code", "=", "403")
    details = (told.flagged_caller(signals, service, refused, gets="Refused"),) if service.request_ports else ()
    return Draft(
        "ServiceRequestsDenied",
        "warning",
        "security",
        more_than_one(total(of_pods), signals.slow.window),
        signal,
        "its authorization policy refuses {{ $value | humanize }} requests per second",
        details,
    )


def _blocked(signals: Catalogue, service: Service) -> Draft:
    signal = signals.boundaries.blocked
    caller = equal(dict(zip(CALLER_LABELS, (service.namespace, service.workload_name), strict=True)))
    return Draft(
        "ServiceEgressBlocked",
        "warning",
        "security",
        more_than_one(total(signal.where(caller)), signals.slow.window),
        signal,
        "the mesh blocks {{ $value | humanize }} requests and connections per second to hosts that are not declared",
        ("Declare the host below `external_hosts`, or the service below `calls`; the proxy's access log names it.",),
    )
