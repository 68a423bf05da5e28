"""What each record of the mesh must say of the small mesh, worked out from what was told of it."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING

from observe import telemetry
from observe.naming import SERVICE_LABELS, gateway_workloads
from observe.proofs.world import STEADY, Found, Seen
from observe.signals import service_labels
from observe.signals.mtls import KIND_LABELS, PEER_LABELS
from observe.signals.presence import POD
from observe.signals.requests import ANSWER_LABELS, CALLER_LABELS, EDGE_LABELS, ENDPOINT_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from observe.proofs.world import World
    from observe.signals import Signal


def expected(world: World) -> Iterator[tuple[Signal, Found]]:
    """Every record and what it must be, after the steady time."""
    yield from _of_requests(world)
    yield from _of_durations(world)
    yield from _of_connections(world)
    yield from _of_breakers(world)
    yield from _of_arrivals(world)
    yield from _of_boundaries(world)
    yield from _of_proxies(world)
    yield from _of_istiod(world)


def _of_requests(world: World) -> Iterator[tuple[Signal, Found]]:
    signals = world.signals
    counted = _each("request", counted=True)
    failed = _each("request", counted=True, failed=True)
    whole, bad = world.rates(SERVICE_LABELS, counted), world.rates(SERVICE_LABELS, failed)
    yield signals.edges.answers, world.rates((*EDGE_LABELS, *ANSWER_LABELS), counted)
    yield signals.edges.rate, world.rates(EDGE_LABELS, counted)
    yield signals.edges.failed, _or_zero(world.rates(EDGE_LABELS, failed), world.rates(EDGE_LABELS, counted))
    for each in {id(one): one for one in (signals.slow, signals.fast)}.values():
        yield each.answers, world.rates((*SERVICE_LABELS, *ANSWER_LABELS), counted)
        yield each.rate, whole
        yield each.failed, _or_zero(bad, whole)
        yield each.errors, _ratio(bad, whole)

    def known(one: Seen) -> bool:
        return one.received and one.kind == "request" and telemetry.ENDPOINT in one.labels

    by_operation = world.rates(ENDPOINT_LABELS, known)
    yield signals.endpoints.answers, world.rates((*ENDPOINT_LABELS, *ANSWER_LABELS), known)
    yield signals.endpoints.rate, by_operation
    yield (
        signals.endpoints.failed,
        _or_zero(world.rates(ENDPOINT_LABELS, lambda one: known(one) and one.failed), by_operation),
    )


def _of_durations(world: World) -> Iterator[tuple[Signal, Found]]:
    signals = world.signals

    def ended(one: Seen) -> bool:
        return one.kind == "request" and one.counted and one.labels["response_code"] != "0"

    whole = world.rates(SERVICE_LABELS, ended)
    buckets: Found = {}
    within = [world.rates(SERVICE_LABELS, _both(ended, partial(_within, limit))) for limit in world.limits]
    for limit, found in (*zip(map(_float, world.limits), within, strict=True), ("+Inf", whole)):
        buckets |= {key | {("le", limit)}: found.get(key, 0.0) for key in whole}
    yield signals.buckets, buckets
    for share, signal in signals.quantiles:
        yield (
            signal,
            {
                key: _quantile(share, world.limits, [found.get(key, 0.0) for found in within], total)
                for key, total in whole.items()
            },
        )
    yield signals.timed, whole
    told = {world.key(service_labels(service), SERVICE_LABELS) for service in world.services}
    yield signals.late_share, {key: 0.25 / total for key, total in whole.items() if key in told}


def _of_connections(world: World) -> Iterator[tuple[Signal, Found]]:
    tcp = world.signals.connections
    known, lost = _each("connection", counted=True), _each("connection", counted=True, failed=True)
    opened, failed = world.rates(SERVICE_LABELS, known), world.rates(SERVICE_LABELS, lost)
    yield tcp.by_caller, world.rates(EDGE_LABELS, known)
    yield tcp.opened, opened
    yield tcp.failed, _or_zero(failed, opened)
    yield tcp.share, _ratio(failed, opened)
    for signal, size in ((tcp.sent, "sent_bytes"), (tcp.received, "received_bytes")):
        found: Found = defaultdict(float)
        for one in world.seen:
            if one.kind == "connection" and (one.received if world.mesh.data_plane == "ambient" else one.counted):
                found[world.key(one.labels, SERVICE_LABELS)] += getattr(one, size) * one.each * 1_000 / world.step
        yield signal, dict(found)


def _of_breakers(world: World) -> Iterator[tuple[Signal, Found]]:
    signals, breakers = world.signals, world.signals.breakers
    counted = _each("request", counted=True)
    whole = world.rates(SERVICE_LABELS, counted)
    yield breakers.ejections, world.most(telemetry.EJECTIONS_ACTIVE)
    yield breakers.callers, dict.fromkeys(world.most(telemetry.EJECTIONS_ACTIVE), 2.0)
    yield breakers.denied, world.of_clusters(telemetry.EJECTIONS_DENIED)
    yield breakers.overflow, world.of_clusters(*telemetry.overflow_counters(world.mesh))
    for signal, flag in ((breakers.turned_away, "UO"), (breakers.no_instance, "UH")):
        flagged = world.rates(SERVICE_LABELS, _both(counted, partial(_has_flag, flag)))
        yield signal, _or_zero(flagged, whole)
    yield breakers.active_requests, world.most(telemetry.ACTIVE_REQUESTS)
    yield breakers.active_connections, world.most(telemetry.ACTIVE_CONNECTIONS)
    tries = world.of_clusters(telemetry.RETRIES)
    yield signals.retries.rate, tries
    yield signals.retries.succeeded, world.of_clusters(telemetry.RETRIES_SUCCEEDED)
    yield signals.retries.exhausted, world.of_clusters(telemetry.RETRIES_EXHAUSTED)
    yield signals.retries.share, {key: tries[key] / total for key, total in whole.items() if key in tries}
    yield breakers.handshakes_failed, world.of_clusters(*telemetry.TLS_FAILURES)


def _of_arrivals(world: World) -> Iterator[tuple[Signal, Found]]:
    signals = world.signals
    kinds = [Seen({**one.labels, "kind": one.kind}, one.each, one.kind) for one in world.seen if one.received]
    inside = [one for one in kinds if one.labels["source_workload"] != telemetry.OUTSIDE]
    yield signals.arrivals, world.sum(PEER_LABELS, kinds)
    whole = world.sum(SERVICE_LABELS, kinds)
    yield signals.received, whole
    yield signals.received_inside, world.sum(SERVICE_LABELS, inside)
    for signal, those in ((signals.coverage, kinds), (signals.coverage_inside, inside)):
        yield signal, _lower_share(world, those)
    yield signals.encryption.plaintext, _or_zero(world.sum(SERVICE_LABELS, _plain(kinds)), whole)
    yield signals.encryption.plaintext_inside, _or_zero(world.sum(SERVICE_LABELS, _plain(inside)), whole)


def _lower_share(world: World, those: list[Seen]) -> Found:
    whole = world.sum(KIND_LABELS, those)
    plain = _or_zero(world.sum(KIND_LABELS, _plain(those)), whole)
    lowest: Found = {}
    for key, total in whole.items():
        if not total:
            continue
        service = frozenset(label for label in key if label[0] != "kind")
        lowest[service] = min(lowest.get(service, 1.0), 1 - plain[key] / total)
    return lowest


def _of_boundaries(world: World) -> Iterator[tuple[Signal, Found]]:
    boundaries = world.signals.boundaries
    yield (
        boundaries.denied,
        world.counters(POD, telemetry.RBAC, lambda labels: labels.get("authz_enforce_result") == "denied"),
    )
    yield (
        boundaries.would_be_denied,
        world.counters(POD, telemetry.RBAC, lambda labels: "authz_dry_run_result" in labels),
    )
    for signal, host in ((boundaries.blocked, "BlackHoleCluster"), (boundaries.undeclared, "PassthroughCluster")):
        yield signal, world.rates(CALLER_LABELS, partial(_says, host))
    gateways = gateway_workloads(world.mesh)

    def through(one: Seen) -> bool:
        return one.kind == "request" and one.labels["source_workload"] in gateways

    answers = _both(through, _each("request", counted=True))
    yield boundaries.gateway_answers, world.rates((*CALLER_LABELS, *ANSWER_LABELS), answers)
    yield boundaries.unrouted, world.rates(CALLER_LABELS, _both(through, partial(_says, "unknown")))


def _of_proxies(world: World) -> Iterator[tuple[Signal, Found]]:
    presence, certificates, used = world.signals.presence, world.signals.certificates, world.signals.saturation
    lost = {"namespace": "front", "pod": "lost-5d9c7b6f48-2xkqp"}
    yield presence.proxies, world.gauged(POD, telemetry.BUILD, max, component="proxy")
    yield presence.unreachable, {world.key(lost, POD): 1.0}
    yield presence.mesh, {world.key({}, ()): 4.0}
    yield certificates.workloads, world.gauged(POD, telemetry.CERTIFICATE_EXPIRY, min, resource_name="default")
    yield certificates.namespaces, world.gauged(POD[:1], telemetry.CERTIFICATE_EXPIRY, min, resource_name="default")
    now = STEADY * 60
    yield (
        certificates.authority,
        {
            world.key({"certificate": "root"}, ("certificate",)): 100_000.0 - now,
            world.key({"certificate": "chain"}, ("certificate",)): 200_000.0 - now,
        },
    )
    own = {"container": telemetry.PROXY_CONTAINER}
    yield used.cpu, world.counters(POD, telemetry.PROXY_CPU, lambda labels: own.items() <= labels.items())
    yield used.memory, world.gauged(POD, telemetry.PROXY_MEMORY, max, **own)


def _of_istiod(world: World) -> Iterator[tuple[Signal, Found]]:
    plane = world.signals.control_plane
    ten = 600
    yield plane.instances, {world.key({}, ()): 2.0}
    yield (
        plane.versions,
        {
            world.key({"component": component, "tag": "1.30.0"}, ("component", "tag")): float(count)
            for component, count in (("proxy", 3), ("ztunnel", 1), ("pilot", 1))
        },
    )
    yield plane.proxies, {world.key({}, ()): 30.0}
    yield plane.rejects, _times(ten, world.counters(("type",), telemetry.XDS_REJECTS))
    yield (
        plane.push_errors,
        _times(ten, world.counters(("type",), telemetry.XDS_PUSHES, lambda labels: labels["type"].endswith("err"))),
    )
    yield plane.pushes, world.counters(("type",), telemetry.XDS_PUSHES)
    buckets = world.counters(("le",), telemetry.CONVERGENCE_BUCKET)
    yield plane.convergence_buckets, buckets
    yield plane.convergence, {world.key({}, ()): 10.0}
    yield plane.injected, _times(ten, world.counters((), telemetry.INJECTION_SUCCESSES))
    yield plane.injection_failures, _times(ten, world.counters((), telemetry.INJECTION_FAILURES))
    yield (
        plane.validation_failures,
        _times(ten, world.counters(("resource", "reason"), telemetry.VALIDATION_FAILURES)),
    )
    conflicts: Found = {}
    for name in telemetry.CONFLICTS:
        (value,) = world.gauged((), name, max).values()
        conflicts[world.key({"conflict": name}, ("conflict",))] = value
    yield plane.conflicts, conflicts


def _plain(those: Iterable[Seen]) -> list[Seen]:
    """Those without mutual TLS."""
    return [one for one in those if one.labels["connection_security_policy"] != "mutual_tls"]


def _says(host: str, one: Seen) -> bool:
    """Whether a caller says that it sent this to a host."""
    return one.labels["reporter"] == "source" and one.labels["destination_service_name"] == host


def _has_flag(flag: str, one: Seen) -> bool:
    return flag in one.labels["response_flags"].split(",")


def _within(limit: float, one: Seen) -> bool:
    return one.milliseconds <= limit


def _both(first: Callable[[Seen], bool], second: Callable[[Seen], bool]) -> Callable[[Seen], bool]:
    return lambda one: first(one) and second(one)


def _each(kind: str, **attributes: bool) -> Callable[[Seen], bool]:
    return lambda one: one.kind == kind and all(getattr(one, name) == value for name, value in attributes.items())


def _or_zero(part: Found, whole: Found) -> Found:
    return {key: part.get(key, 0.0) for key in whole}


def _ratio(part: Found, whole: Found) -> Found:
    return {key: part.get(key, 0.0) / total for key, total in whole.items() if total}


def _times(factor: float, found: Found) -> Found:
    return {key: value * factor for key, value in found.items()}


def _float(limit: float) -> str:
    return str(float(limit))


def _quantile(share: float, limits: tuple[float, ...], within: list[float], whole: float) -> float:
    rank, lower, before = share * whole, 0.0, 0.0
    for upper, count in zip(limits, within, strict=True):
        if count >= rank:
            return lower + (upper - lower) * (rank - before) / (count - before)
        lower, before = upper, count
    return lower
