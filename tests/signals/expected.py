"""What each recorded series must be at the last scrape, worked out from the ledger of a simulated mesh.

Tolerances have one reason: proxies count whole requests. A rate over a window is a difference of two counters, each up
to one request short, for every series that is added up; a share of two such rates may be off by as much as both.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from observe import telemetry
from observe.drills.laboratory import EPOCH
from observe.naming import gateway_workloads
from observe.policy import breaker
from observe.signals import catalogue
from observe.simulation.background import CONVERGENCE_LIMITS, CPU, CPU_PER_REQUEST, MEMORY
from observe.simulation.fleet import bucket_limits
from observe.simulation.outcome import instances as chosen_among
from observe.simulation.reports import pods_of_service
from tests.signals.ledger import PODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from observe.signals import Signal
    from observe.signals.objectives import Budget
    from observe.simulation import Series
    from observe.simulation.outcome import Outcome
    from observe.simulation.reports import Pod
    from tests.signals.ledger import Row, World

Key = frozenset[tuple[str, str]]
"""Labels, without the name."""

NAMESPACE, NAME = "destination_service_namespace", "destination_service_name"
EVENTS = 600
"""Seconds in which the control plane's events are counted."""


@dataclass(frozen=True, slots=True)
class About:
    """A value, and how far off it may be; or bounds that it must lie in."""

    least: float
    most: float

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"{self.least:.6g}..{self.most:.6g}"


def about(value: float, tolerance: float = 0.0) -> About:
    slack = tolerance + abs(value) * 1e-9
    return About(value - slack, value + slack)


Expected = dict[Key, About]


@dataclass(frozen=True, slots=True)
class Sum:
    """A rate that is added up, and of how many counters."""

    rate: float = 0.0
    counters: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.rate + other.rate, self.counters + other.counters)


class Accountant:
    """Works out the series of every record."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.signals = catalogue(world.inventory)
        self.slow = self.signals.slow.window // 1000
        self.fast = self.signals.fast.window // 1000

    # Sums of the ledger

    def _error(self, total: Sum, window: int) -> float:
        return total.counters / (window - self.world.step)

    def _sums(self, rows: Iterable[Row], window: int, key: Callable[[Row], dict[str, str]]) -> dict[Key, Sum]:
        weights = self.world.weights(window)
        found: dict[Key, Sum] = defaultdict(Sum)
        for row in rows:
            rate = sum(row.rates[moment] * weight for moment, weight in weights.items())
            found[_key(key(row))] += Sum(rate, PODS)
        return found

    def _rates(self, rows: Iterable[Row], window: int, key: Callable[[Row], dict[str, str]]) -> Expected:
        sums = self._sums(rows, window, key)
        return {labels: about(total.rate, self._error(total, window)) for labels, total in sums.items()}

    def _or_none(
        self, rows: Iterable[Row], whole: Expected, window: int, key: Callable[[Row], dict[str, str]]
    ) -> Expected:
        """The rates, and zero where there is the whole and nothing of these."""
        return {labels: about(0) for labels in whole} | self._rates(rows, window, key)

    def _shares(
        self, part: Iterable[Row], whole: Iterable[Row], window: int, key: Callable[[Row], dict[str, str]]
    ) -> Expected:
        parts, wholes = self._sums(part, window, key), self._sums(whole, window, key)
        return {
            labels: self._share(parts.get(labels, Sum()), total, window)
            for labels, total in wholes.items()
            if total.rate > 0
        }

    def _share(self, part: Sum, whole: Sum, window: int) -> About:
        off = (self._error(part, window) + self._error(whole, window)) / whole.rate
        return about(part.rate / whole.rate, off)

    # Requests

    def requests(self) -> Iterator[tuple[Signal, Expected]]:
        signals, counted, slow = self.signals, self.world.counted, self.slow
        failed = [row for row in counted if row.failed]
        yield signals.edges.answers, self._rates(counted, slow, lambda row: _edge(row) | _answer(row))
        edges = self._rates(counted, slow, _edge)
        yield signals.edges.rate, edges
        yield signals.edges.failed, self._or_none(failed, edges, slow, _edge)
        for each, window in ((signals.slow, slow), (signals.fast, self.fast)):
            rates = self._rates(counted, window, _service)
            yield each.answers, self._rates(counted, window, lambda row: _service(row) | _answer(row))
            yield each.rate, rates
            yield each.failed, self._or_none(failed, rates, window, _service)
            yield each.errors, self._shares(failed, counted, window, _service)
        for signal, flag in ((signals.breakers.turned_away, "UO"), (signals.breakers.no_instance, "UH")):
            flagged = [row for row in counted if flag in row.flags.split(",")]
            yield signal, self._or_none(flagged, self._rates(counted, slow, _service), slow, _service)

    def endpoints(self) -> Iterator[tuple[Signal, Expected]]:
        signals, slow = self.signals.endpoints, self.slow
        known = [row for row in self.world.arrived if row.kind == "request" and row.operation]
        rates = self._rates(known, slow, _endpoint)
        yield signals.answers, self._rates(known, slow, lambda row: _endpoint(row) | _answer(row))
        yield signals.rate, rates
        yield signals.failed, self._or_none((row for row in known if row.failed), rates, slow, _endpoint)

    # Latency

    def latency(self) -> Iterator[tuple[Signal, Expected]]:
        signals, limits = self.signals, (*bucket_limits(self.world.inventory), math.inf)
        timed = self._timed()
        buckets: Expected = {}
        for service, durations in timed.items():
            for limit in limits:
                labels = _key({NAMESPACE: service[0], NAME: service[1], "le": _le(limit)})
                buckets[labels] = self._within(durations, limit)
        yield signals.buckets, buckets
        yield (
            signals.timed,
            {_named(service): self._within(durations, math.inf) for service, durations in timed.items()},
        )
        for share, signal in signals.quantiles:
            found = {service: self._quantile(durations, share, limits) for service, durations in timed.items()}
            yield signal, {_named(service): value for service, value in found.items()}
        yield from self._slow(timed)

    def _timed(self) -> dict[tuple[str, str], list[tuple[float, Sum]]]:
        """By service: milliseconds, and how many requests take so long."""
        weights = self.world.weights(self.slow)
        found: dict[tuple[str, str], list[tuple[float, Sum]]] = defaultdict(list)
        for row in self.world.counted:
            if row.code == "0":
                continue
            rate = sum(row.rates[moment] * weight for moment, weight in weights.items())
            whole = sum(share for share, _ in row.durations)
            found[row.service] += [(taken, Sum(rate * share / whole, PODS)) for share, taken in row.durations]
        return found

    def _within(self, durations: list[tuple[float, Sum]], limit: float) -> About:
        total = sum((each for taken, each in durations if taken <= limit), Sum())
        return about(total.rate, self._error(Sum(0, PODS * len(durations)), self.slow))

    def _quantile(self, durations: list[tuple[float, Sum]], share: float, limits: tuple[float, ...]) -> About:
        """The bounds of the bucket that the true quantile lies in; of two buckets, where counting decides."""
        whole = sum((each for _, each in durations), Sum())
        off = 2 * self._error(Sum(0, PODS * len(durations)), self.slow) / whole.rate
        low, high = (_reached(durations, min(max(share + by, 0), 1) * whole.rate) for by in (-off, off))
        below = max((limit for limit in limits if limit < low), default=0.0)
        above = min((limit for limit in limits if limit >= high and limit < math.inf), default=limits[-2])
        return About(below, above)

    def _slow(self, timed: dict[tuple[str, str], list[tuple[float, Sum]]]) -> Iterator[tuple[Signal, Expected]]:
        signals, slow, shares = self.signals, dict[Key, About](), dict[Key, About]()
        for service in self.world.inventory.services:
            name = (service.namespace, service.outside.host if service.outside else service.name)
            durations = timed.get(name)
            if not service.request_ports or not durations:
                continue
            limit = float(service.objectives.latency.limit)
            if not telemetry.buckets_at_objectives(self.world.mesh):
                limit = min(bucket for bucket in telemetry.BUCKETS if bucket >= limit)
            late = sum((each for taken, each in durations if taken > limit), Sum())
            whole = sum((each for _, each in durations), Sum())
            error = self._error(Sum(0, PODS * len(durations)), self.slow)
            slow[_named(name)] = about(late.rate, 2 * error)
            shares[_named(name)] = about(late.rate / whole.rate, 3 * error / whole.rate)
        yield signals.late, slow
        yield signals.late_share, shares

    # Budgets: the same all the time, so over every window

    def budgets(self) -> Iterator[tuple[Signal, Expected]]:
        rates = dict(self.requests())
        latency = dict(self.latency())
        signals = self.signals
        pairs: tuple[tuple[Budget, Expected, Expected, Expected], ...] = (
            (signals.availability, rates[signals.failed], rates[signals.rate], rates[signals.errors]),
            (signals.punctuality, latency[signals.late], latency[signals.timed], latency[signals.late_share]),
        )
        for budget, bad, whole, share in pairs:
            for hour, rate in zip(budget.hours, (bad, whole), strict=True):
                yield (
                    hour,
                    {
                        labels: About(value.least * 3600 * 0.9, value.most * 3600 * 1.03)
                        for labels, value in rate.items()
                    },
                )
            for _, signal in budget.shares[1:]:
                yield signal, {labels: _wider(value) for labels, value in share.items()}

    # TCP

    def connections(self) -> Iterator[tuple[Signal, Expected]]:
        tcp, dialled, fast = self.signals.connections, self.world.dialled, self.fast
        failed = [row for row in dialled if row.flags != "-"]
        yield tcp.by_caller, self._rates(dialled, fast, _edge)
        opened = self._rates(dialled, fast, _service)
        yield tcp.opened, opened
        yield tcp.failed, self._or_none(failed, opened, fast, _service)
        yield tcp.share, self._shares(failed, dialled, fast, _service)
        for signal, size in ((tcp.received, 1_000), (tcp.sent, 4_000)):
            sums = self._sums(self.world.carrying, fast, _service)
            yield (
                signal,
                {labels: about(total.rate * size, self._error(total, fast) * size) for labels, total in sums.items()},
            )

    # Encryption

    def encryption(self) -> Iterator[tuple[Signal, Expected]]:
        signals, arrived, slow = self.signals, self.world.arrived, self.slow
        inside = [row for row in arrived if row.source[1] != telemetry.OUTSIDE]
        yield signals.arrivals, self._rates(arrived, slow, lambda row: _service(row) | self._peer(row))
        received, received_inside = (self._rates(rows, slow, _service) for rows in (arrived, inside))
        yield signals.received, received
        yield signals.received_inside, received_inside
        yield signals.coverage, self._coverage(arrived)
        yield signals.coverage_inside, self._coverage(inside)
        plain = [row for row in arrived if not row.encrypted]
        plain_inside = [row for row in inside if not row.encrypted]
        yield signals.encryption.plaintext, self._or_none(plain, received, slow, _service)
        kept = self._or_none(plain_inside, received, slow, _service)
        yield signals.encryption.plaintext_inside, kept
        yield signals.encryption.lately, {labels: _wider(value) for labels, value in kept.items()}

    def _coverage(self, rows: list[Row] | tuple[Row, ...]) -> Expected:
        """The lower of the shares of requests and of connections."""
        lowest: Expected = {}
        for kind in ("request", "connection"):
            whole = [row for row in rows if row.kind == kind]
            shares = self._shares((row for row in whole if row.encrypted), whole, self.slow, _service)
            for labels, share in shares.items():
                other = lowest.get(labels, share)
                lowest[labels] = About(min(share.least, other.least), min(share.most, other.most))
        return lowest

    def _peer(self, row: Row) -> dict[str, str]:
        ztunnel = self.world.mesh.data_plane == "ambient" and row.kind == "connection"
        policy = "mutual_tls" if row.encrypted else "unknown" if ztunnel else "none"
        return {"kind": row.kind, **_caller(row), "connection_security_policy": policy}

    # Envoy's own statistics

    def resilience(self) -> Iterator[tuple[Signal, Expected]]:
        breakers, retries = self.signals.breakers, self.signals.retries
        yield breakers.ejections, self._ejected()
        yield breakers.callers, self._ejecting()
        yield breakers.denied, self._denied()
        overflow = self._statistic(lambda result: result.overflowed, len(telemetry.overflow_counters(self.world.mesh)))
        yield breakers.overflow, overflow
        yield breakers.handshakes_failed, self._statistic(lambda result: result.unreached, len(telemetry.TLS_FAILURES))
        tried = self._statistic(lambda result: result.retried)
        yield retries.rate, tried
        yield retries.succeeded, self._statistic(lambda result: result.retried_well)
        yield retries.exhausted, self._statistic(lambda result: result.gave_up)
        rates = self._rates(self.world.counted, self.slow, _service)
        yield (
            retries.share,
            {
                labels: _ratio(value, rates[labels])
                for labels, value in tried.items()
                if labels in rates and rates[labels].most > 0
            },
        )

    def _statistic(self, part: Callable[[Outcome], float], counters: int = 1) -> Expected:
        weights = self.world.weights(self.slow)
        found: dict[Key, Sum] = defaultdict(Sum)
        for index, link in self.world.statistics():
            rate = sum(
                weight * self.world.course.moments[moment].rates[index]
                * part(self.world.course.moments[moment].outcomes[index])
                for moment, weight in weights.items()
            )  # fmt: skip
            found[_named((link.service.namespace, link.service.name))] += Sum(rate, PODS * counters)
        return {labels: about(total.rate, self._error(total, self.slow)) for labels, total in found.items()}

    def _detecting(self) -> Iterator[tuple[Key, int, frozenset[Pod]]]:
        for index, link in self.world.statistics():
            if self.world.engine.detects(index):
                yield _named((link.service.namespace, link.service.name)), index, self.world.pods(link)

    def _ejected(self) -> Expected:
        found: dict[Key, float] = {}
        for labels, index, _ in self._detecting():
            seen = self.world.course.ejections.get(index)
            found[labels] = max(found.get(labels, 0), seen.active[-1] if seen else 0)
        return {labels: about(value) for labels, value in found.items()}

    def _ejecting(self) -> Expected:
        found: dict[Key, set[tuple[int, Pod]]] = defaultdict(set)
        for labels, index, pods in self._detecting():
            seen = self.world.course.ejections.get(index)
            if seen and seen.active[-1]:
                found[labels] |= {(self.world.engine.links[index].port.number, pod) for pod in pods}
        return {labels: about(len(series)) for labels, series in found.items()}

    def _denied(self) -> Expected:
        intervals = self.slow // self.world.step - 1
        found: dict[Key, Sum] = defaultdict(Sum)
        for labels, index, pods in self._detecting():
            seen = self.world.course.ejections.get(index)
            count = sum(seen.refused[-intervals:]) * len(pods) if seen else 0
            found[labels] += Sum(count / (intervals * self.world.step), PODS)
        return {labels: about(total.rate, self._error(total, self.slow)) for labels, total in found.items()}

    # Boundaries

    def boundaries(self) -> Iterator[tuple[Signal, Expected]]:
        signals, slow = self.signals.boundaries, self.slow
        for signal, dry in ((signals.denied, False), (signals.would_be_denied, True)):
            yield signal, self._judged(dry_run=dry)
        off = PODS / (slow - self.world.step)
        yield (
            signals.blocked,
            {
                _key({"source_workload_namespace": namespace, "source_workload": workload}): about(rate, off)
                for (namespace, workload), rate in self.world.blocked.items()
            },
        )
        yield signals.undeclared, {}
        names = gateway_workloads(self.world.mesh)
        through = [row for row in self.world.counted if row.link.caller.gateway and row.source[1] in names]
        yield signals.gateway_answers, self._rates(through, slow, lambda row: _caller(row) | _answer(row))
        yield signals.unrouted, {}

    def _judged(self, *, dry_run: bool) -> Expected:
        """Denials by pod; sidecars alone have the statistic."""
        found: Expected = {}
        for service in self.world.inventory.in_mesh if self.world.mesh.data_plane == "sidecar" else ():
            if (service.authorization == "dry-run") != dry_run:
                continue
            pods = pods_of_service(service)
            rate = self._let(service.id, denied=True)
            for pod in pods:
                labels = _key({"namespace": pod.namespace, "pod": pod.name})
                found[labels] = about(rate / len(pods), 1 / (self.slow - self.world.step))
        return found

    def _let(self, service: str, *, denied: bool) -> float:
        """Requests per second that arrive at a service and are denied, or let in."""
        weights = self.world.weights(self.slow)
        rate = 0.0
        for row in self.world.rows:
            refused = row.code == "403" or row.grpc == "7"
            if row.side == "callee" and row.kind == "request" and row.link.service.id == service and refused == denied:
                rate += sum(row.rates[moment] * weight for moment, weight in weights.items())
        return rate

    # Proxies and the control plane

    def proxies(self) -> Iterator[tuple[Signal, Expected]]:
        presence, certificates, saturation = self.signals.presence, self.signals.certificates, self.signals.saturation
        proxies = self._last(telemetry.BUILD, component="proxy")
        ztunnels = self._last(telemetry.BUILD, component="ztunnel")
        yield presence.proxies, {_key(pod): about(1) for pod, _ in proxies}
        yield presence.unreachable, {}
        yield presence.mesh, {frozenset(): about(len(proxies) + len(ztunnels))}
        yield (
            presence.reporting,
            {
                _named((service.namespace, service.name)): about(len(pods_of_service(service)))
                for service in self.world.inventory.in_mesh
                if self.world.mesh.data_plane == "sidecar"
            },
        )
        yield presence.silent, {}
        held = self._last(telemetry.CERTIFICATE_EXPIRY, resource_name="default")
        yield certificates.workloads, {_key(pod): about(left) for pod, left in held}
        shortest: dict[str, float] = {}
        for pod, left in held:
            shortest[pod["namespace"]] = min(left, shortest.get(pod["namespace"], math.inf))
        yield certificates.namespaces, {_key({"namespace": name}): about(left) for name, left in shortest.items()}
        now = EPOCH + (self.world.telemetry.scrapes - 1) * self.world.step
        ends = {"root": telemetry.ROOT_EXPIRY, "chain": telemetry.CHAIN_EXPIRY}
        yield (
            certificates.authority,
            {
                _key({"certificate": kind}): about(min(value for _, value in self._last(metric)) - now)
                for kind, metric in ends.items()
            },
        )
        containers = self._last(telemetry.PROXY_MEMORY, container="istio-proxy")
        yield saturation.memory, {_key(pod): about(2 * MEMORY) for pod, _ in containers}
        yield saturation.cpu, {_key(pod): self._cpu(pod) for pod, _ in containers}

    def _cpu(self, pod: dict[str, str]) -> About:
        for service in self.world.inventory.in_mesh if self.world.mesh.data_plane == "sidecar" else ():
            pods = pods_of_service(service)
            if any((one.namespace, one.name) == (pod["namespace"], pod["pod"]) for one in pods):
                rate = self._let(service.id, denied=False) / len(pods)
                return about(CPU + CPU_PER_REQUEST * rate, CPU_PER_REQUEST / (self.slow - self.world.step) + 1e-6)
        return about(CPU, 1e-6)

    def control_plane(self) -> Iterator[tuple[Signal, Expected]]:
        plane = self.signals.control_plane
        held = self.world.course.moments[0].conditions.mesh
        istiods = self._last(telemetry.UP, job=self.world.mesh.prometheus.istiod_job)
        yield plane.instances, {frozenset(): about(len(istiods))}
        versions = Counter((series.label("component"), series.label("tag")) for series in self._there(telemetry.BUILD))
        yield (
            plane.versions,
            {_key({"component": component, "tag": tag}): about(count) for (component, tag), count in versions.items()},
        )
        yield plane.proxies, {frozenset(): about(sum(count for _, count in self._last(telemetry.XDS_CONNECTIONS)))}
        yield plane.rejects, self._events({"cds": 0.1} if held.rejected_pushes else {}, EVENTS)
        failed = {"cds_senderr": 0.2} if held.failed_pushes else {}
        yield plane.push_errors, self._events(failed, EVENTS)
        yield plane.pushes, self._events({"cds": 0.2, "eds": 0.2, "lds": 0.2, "rds": 0.2, **failed}, 1)
        limits = (*CONVERGENCE_LIMITS, math.inf)
        soon = {limit: 0.5 if held.convergence <= limit else 0.0 for limit in limits}
        one = 1 / (EVENTS - self.world.step)
        yield plane.convergence_buckets, {_key({"le": _le(limit)}): about(rate, one) for limit, rate in soon.items()}
        low = max((limit for limit in CONVERGENCE_LIMITS if limit < held.convergence), default=0.0)
        high = min((limit for limit in CONVERGENCE_LIMITS if limit >= held.convergence), default=CONVERGENCE_LIMITS[-1])
        yield plane.convergence, {frozenset(): About(low, high)}
        yield plane.injected, {frozenset(): self._increase(0.0 if held.failed_injections else 1 / 60)}
        yield plane.injection_failures, {frozenset(): self._increase(0.1)} if held.failed_injections else {}
        yield plane.validation_failures, {}
        yield plane.conflicts, {_key({"conflict": name}): about(0) for name in telemetry.CONFLICTS}

    def _events(self, rates: dict[str, float], seconds: int) -> Expected:
        one = seconds / (EVENTS - self.world.step)
        return {_key({"type": kind}): about(rate * seconds, one) for kind, rate in rates.items()}

    def _increase(self, rate: float) -> About:
        return about(rate * EVENTS, EVENTS / (EVENTS - self.world.step))

    def _last(self, metric: str, **labels: str) -> list[tuple[dict[str, str], float]]:
        """What the pods' own gauges were at the last scrape, each with the pod's labels."""
        return [
            ({name: series.label(name) for name in ("namespace", "pod")}, series.values[-1] or 0.0)
            for series in self._there(metric, **labels)
        ]

    def _there(self, metric: str, **labels: str) -> list[Series]:
        """The raw series of a metric that the last scrape brought."""
        return [one for one in self.world.telemetry.named(metric, **labels) if one.values[-1] is not None]

    # Pools

    def pools(self) -> Iterator[tuple[Signal, Expected]]:
        """A whole number of requests, and as many connections unless they are shared, or wait for the next request."""
        requests, connections = dict[Key, About](), dict[Key, About]()
        for (labels, protocol, limit, idle), wanted in self._open().items():
            open_ = About(math.ceil(min(wanted, limit) - 0.5), math.floor(min(wanted, limit) + 0.5))
            held = about(idle) if protocol == "grpc" else _larger(open_, about(idle))
            requests[labels] = _larger(open_, requests.get(labels, about(0)))
            connections[labels] = _larger(held, connections.get(labels, about(0)))
        yield self.signals.breakers.active_requests, requests
        yield self.signals.breakers.active_connections, connections

    def _open(self) -> dict[tuple[Key, str, int, int], float]:
        """What proxies would like to have open at the last scrape: the most that one of them would, by service,
        protocol, limit, and connections that are kept to each instance as long as requests arrive.
        """
        world, now = self.world, self.world.course.moments[self.world.course.scrapes[-1][-1]]
        found: dict[tuple[Key, str, int, int], dict[tuple[int, Pod], float]] = defaultdict(lambda: defaultdict(float))
        for index, link in world.statistics():
            pool, outcome = breaker(world.inventory, world.inventory.by_id[link.service.id]).pool, now.outcomes[index]
            limit = now.conditions.of(link.service.id).pool or min(pool.max_connections.value, pool.max_requests.value)
            idle = chosen_among(link) if now.rates[index] > 0 and outcome.arrived else 0
            key = _named((link.service.namespace, link.service.name)), link.port.protocol, limit, idle
            for pod in world.pods(link):
                found[key][link.port.number, pod] += now.rates[index] * outcome.in_flight / world.engine.pods[index]
        return {key: max(proxies.values()) for key, proxies in found.items()}

    def everything(self) -> dict[str, Expected]:
        """By the record's name. Where proxies are scraped rarely both windows, and so their records, are the same."""
        parts = (
            self.requests, self.endpoints, self.latency, self.budgets, self.connections, self.encryption,
            self.resilience, self.boundaries, self.proxies, self.control_plane, self.pools,
        )  # fmt: skip
        cluster = _key(self.world.cluster)
        return {
            signal.record: {labels | cluster: value for labels, value in expected.items()}
            for part in parts
            for signal, expected in part()
        }


def _larger(one: About, other: About) -> About:
    return About(max(one.least, other.least), max(one.most, other.most))


def _key(labels: dict[str, str]) -> Key:
    """Labels that are empty are none."""
    return frozenset((name, value) for name, value in labels.items() if value)


def _named(service: tuple[str, str]) -> Key:
    return _key({NAMESPACE: service[0], NAME: service[1]})


def _service(row: Row) -> dict[str, str]:
    return {NAMESPACE: row.service[0], NAME: row.service[1]}


def _caller(row: Row) -> dict[str, str]:
    return {"source_workload_namespace": row.source[0], "source_workload": row.source[1]}


def _edge(row: Row) -> dict[str, str]:
    return _caller(row) | _service(row)


def _endpoint(row: Row) -> dict[str, str]:
    return {**_service(row), "request_endpoint": row.operation}


def _answer(row: Row) -> dict[str, str]:
    return {
        "request_protocol": row.protocol,
        "response_code": row.code,
        "grpc_response_status": row.grpc,
        "response_flags": row.flags,
    }


def _le(limit: float) -> str:
    return "+Inf" if limit == math.inf else str(float(limit))


def _reached(durations: list[tuple[float, Sum]], count: float) -> float:
    """How many milliseconds so many of the requests take at most."""
    passed = 0.0
    for taken, each in sorted(durations, key=lambda pair: pair[0]):
        passed += each.rate
        if passed >= count - 1e-9:
            return taken
    return max(taken for taken, _ in durations)


def _ratio(part: About, whole: About) -> About:
    return About(part.least / whole.most, part.most / max(whole.least, 1e-9))


def _wider(value: About) -> About:
    """Over windows that also see the first minutes, in which rates are read from fewer scrapes."""
    return About(value.least * 0.95 - 1e-3, value.most * 1.05 + 1e-3)
