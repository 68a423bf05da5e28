"""The proof of the mesh's records: what each must say of a mesh in which everything happens at once, steadily.

Telemetry goes in as proxies would report it, and every record comes out, with its labels. After a while all becomes
three times as much: how a record follows says how far it looks back.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from observe import telemetry
from observe.naming import SERVICE_LABELS, gateway_workloads
from observe.proofs.lean import UNREAD
from observe.proofs.stage import counts, lean
from observe.proofs.window import Window, per_second, totals
from observe.signals import service_labels
from observe.signals.mtls import KIND_LABELS, PEER_LABELS
from observe.signals.presence import POD
from observe.signals.requests import ANSWER_LABELS, CALLER_LABELS, EDGE_LABELS, ENDPOINT_LABELS
from observe.simulation import Answer, Caller, Pod, Recorder, Series, Telemetry, failure, success, turned_away
from observe.simulation.reports import OUTSIDE, Report, cluster_of, connection_reports, request_reports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from observe.model import Inventory, Mesh, Service
    from observe.signals import Catalogue, Signal

MINUTE: Final = 60_000
STEADY: Final = 75
"""Minutes for which nothing changes."""
AFTER: Final = (1, 2)
"""Minutes after everything has become three times as much, at which short and long windows are looked at."""
TIMES: Final = 3
FAULTS: Final = {"2", "4", "12", "13", "14", "15"}
"""gRPC statuses by which a server says that it is to blame."""
LOST: Final = "UF,URX"
ROUNDED: Final = (1_000, 100, 20, 10, 4, 2, 1)
"""Parts of one that values are rounded to: the finest at which Prometheus 2 and 3 agree."""

BUILDS: Final = {name: {"component": name, "tag": "1.30.0"} for name in ("proxy", "ztunnel", "pilot")}

Labels = frozenset[tuple[str, str]]
Found = dict[Labels, float]
"""A record's series: values by labels."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream of events, with all labels of one who reports it."""

    labels: Mapping[str, str]
    each: int
    """Events per scrape."""
    kind: str
    """`request` or `connection`."""
    milliseconds: float = 0
    failed: bool = False
    counted: bool = False
    """Whether rates count it as this one reports it."""
    received: bool = False
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass
class World:
    """A small mesh: what happens in it, and what its records must say."""

    inventory: Inventory
    signals: Catalogue
    seen: list[Seen] = field(default_factory=list)
    events: list[tuple[str, Mapping[str, str], Pod, int]] = field(default_factory=list)
    """Other counters: name, labels, who reports it, events per scrape."""
    gauges: list[tuple[str, Mapping[str, str], Pod, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.mesh = self.inventory.mesh
        self.step = max(self.mesh.prometheus.scrape_interval // 1_000, 1) * 1_000
        self.scrapes = (STEADY + AFTER[-1]) * MINUTE // self.step
        self.before = STEADY * MINUTE // self.step
        self.limits = (10.0, 100.0, 1_000.0)
        self.recorder = Recorder(self.mesh, self.step // 1_000, limits=self.limits, history=1_000_000)
        self.web = Caller("web", "front")
        self._requests()
        self._connections()
        self._statistics()
        self._platform()

    # What happens

    @property
    def services(self) -> tuple[Service, ...]:
        """One service of each protocol, as far as there are any whose requests somebody reports."""
        chosen: dict[tuple[bool, bool], Service] = {}
        for service in self.inventory.services:
            if any(self._reports(service, self.web)) and service.in_mesh:
                chosen.setdefault((bool(service.request_ports), service.speaks_grpc), service)
        return tuple(chosen.values())

    def _reports(self, service: Service, caller: Caller, *, arrived: bool = True) -> list[Report]:
        if service.request_ports:
            reports = request_reports(self.mesh, service, caller, arrived=arrived)
            return [
                report if caller == self.web and report.reporter == "source" else lean(report) for report in reports
            ]
        return list(map(lean, connection_reports(self.mesh, service, caller, arrived=arrived)))

    def _requests(self) -> None:
        gateway = Caller(gateway_workloads(self.mesh)[0], self.mesh.root_namespace, gateway=True)
        plain = Caller("legacy", "front", secured=False)
        for service in self.services:
            if not service.request_ports:
                continue
            refused = Answer(grpc="7") if service.speaks_grpc else Answer("404")
            other = Answer(grpc="2") if service.speaks_grpc else Answer("500")
            streams: tuple[tuple[Caller, Answer, int, float, str], ...] = (
                (self.web, success(service), 300, 5, "GET /a"),
                (self.web, refused, 15, 50, "GET /a"),
                (self.web, failure(service), 30, 500, "GET /b"),
                (self.web, other, 45, 5_000, "GET /b"),
                (self.web, turned_away(service, "UO"), 60, 5, ""),
                (self.web, turned_away(service, "UH,URX"), 75, 5, ""),
                (self.web, turned_away(service, "UH"), 240, 5, ""),
                (self.web, Answer("0", flags="DC", grpc=""), 90, 5, "GET /a"),
                (self.web, Answer("0", flags="UR", grpc=""), 105, 5, "GET /b"),
                (self.web, Answer("0", flags="DC", grpc="14"), 210, 5, "GET /b"),
                (self.web, Answer("503", grpc="14", flags="UC"), 225, 5, "GET /a"),
                # What a gRPC status would be, of a request that is not gRPC, means nothing.
                *([] if service.speaks_grpc else [(self.web, Answer(grpc="13"), 270, 5, "GET /a")]),
                (plain, success(service), 120, 50, "GET /a"),
                (gateway, success(service), 135, 50, "GET /a"),
                (gateway, failure(service), 150, 50, "GET /a"),
            )
            for caller, answer, each, taken, endpoint in streams:
                self._request(service, caller, answer, each, taken, endpoint)
            # Called by nobody who has a proxy.
            opened = replace(service, name=f"{service.name}-open")
            self._request(opened, OUTSIDE, success(service), 165, 50, "GET /b")
            self._request(opened, OUTSIDE, failure(service), 180, 500, "GET /b")
        for place, service in enumerate(self.services):
            if service.request_ports and place == 0:
                fine, idle = (replace(service, name=f"{service.name}-{end}") for end in ("fine", "idle"))
                self._request(fine, self.web, success(service), 195, 5, "GET /a")
                self._request(fine, gateway, success(service), 255, 5, "GET /a")
                self._request(idle, self.web, Answer("0", flags="DC"), 0, 5, "")
        self._to_nowhere(gateway)

    def _to_nowhere(self, gateway: Caller) -> None:
        """Requests and connections to no service that is known."""
        known = {
            "request_protocol": "http",
            "response_code": "502",
            "response_flags": "-",
            "connection_security_policy": "none",
        }
        for place, host in enumerate(
            ("BlackHoleCluster", "PassthroughCluster", "InboundPassthroughClusterIpv4", "unknown"), 1
        ):
            for number, (reporter, caller) in enumerate(
                (("source", self.web), ("source", gateway), ("destination", OUTSIDE), ("destination", gateway), ("waypoint", OUTSIDE)), 1
            ):
                labels = {**known, "reporter": reporter, "destination_service_name": host,
                          "source_workload": caller.workload, "source_workload_namespace": caller.namespace,
                          "destination_service_namespace": "unknown"}  # fmt: skip
                self._nobody(labels, caller, 15 * (5 * place + number))
                if caller == gateway:
                    self._nobody({**labels, "response_code": "404"}, caller, 15 * (5 * place + number + 20))
        if self.mesh.data_plane == "sidecar":
            # What a waypoint says of a service is not asked for where there are sidecars.
            (first, *_) = self.services
            labels = {**known, "reporter": "waypoint", **service_labels(first), "source_workload": "unknown"}
            self._nobody(labels, self.web, 15)

    def _nobody(self, labels: dict[str, str], caller: Caller, each: int) -> None:
        pod = Pod(caller.namespace, f"{caller.workload}-5d9c7b6f48-2xkqp")
        labels[telemetry.ENDPOINT] = "GET /a"
        self.seen.append(Seen(labels, each, "request"))
        self._count(telemetry.REQUESTS, labels, pod, each)
        tcp = {name: value for name, value in labels.items() if name != "response_code"} | {"request_protocol": "tcp"}
        if labels["response_code"] != "404":
            self.seen.append(Seen(tcp, each + 15, "connection"))
            for name in (telemetry.TCP_OPENED, telemetry.TCP_SENT, telemetry.TCP_RECEIVED):
                self._count(name, tcp, pod, each + 15)

    def _request(
        self, service: Service, caller: Caller, answer: Answer, each: int, taken: float, endpoint: str
    ) -> None:
        whole = request_reports(self.mesh, service, caller, arrived=answer.arrived)
        # Of one kind of answer two pods of each side report their part, which are added up.
        for report in whole if answer.flags == "UC" else map(lean, whole):
            flow = self._flow(each)
            self.recorder.report(report, service, flow, answer, taken, endpoint=endpoint)
            protocol = "grpc" if service.speaks_grpc else "http"
            ended = dict(zip(ANSWER_LABELS, (protocol, answer.code, answer.grpc, answer.flags), strict=True))
            receives = report.reporter in ("destination", "waypoint")
            known = {telemetry.ENDPOINT: endpoint} if endpoint and receives else {}
            self.seen.append(
                Seen(
                    {**report.labels, **ended, **known}, each, "request", taken, _is_failure(protocol, answer),
                    counted=counts(self.mesh, report), received=receives,
                )
            )  # fmt: skip

    def _connections(self) -> None:
        for service in self.services:
            if service.request_ports:
                continue
            plain = Caller("legacy", "front", secured=False)
            opened = replace(service, name=f"{service.name}-open")
            legacy = replace(service, name=f"{service.name}-legacy", in_mesh=False)
            streams = (
                (service, self.web, "-", 60), (service, plain, "-", 75), (service, self.web, LOST, 90),
                (opened, OUTSIDE, "-", 105), (legacy, self.web, "-", 120),
            )  # fmt: skip
            for callee, caller, flags, each in streams:
                arrived = flags == "-"
                for report in connection_reports(self.mesh, callee, caller, arrived=arrived):
                    short = lean(report)
                    self.recorder.report_connections(short, self._flow(each), flags=flags, sent=10, received=20)
                    failed = not arrived and (self.mesh.data_plane == "sidecar" or self.mesh.istio_minor >= 29)
                    size = (10, 20) if arrived else (0, 0)
                    self.seen.append(
                        Seen(
                            report.labels, each, "connection", failed=failed,
                            counted=self._counts(report), received=report.reporter == "destination",
                            sent_bytes=size[0], received_bytes=size[1],
                        )
                    )  # fmt: skip

    def _counts(self, report: Report) -> bool:
        """Whether connections are counted by such a report."""
        return report.reporter == "source" if self.mesh.data_plane == "ambient" else counts(self.mesh, report)

    def _statistics(self) -> None:
        """What two callers' proxies count of a service's instances, and of clusters that stand for none."""
        one, other = Pod("front", "web-5d9c7b6f48-2xkqp"), Pod("front", "batch-5d9c7b6f48-7hzwm")
        names = (
            telemetry.EJECTIONS_DENIED, *telemetry.overflow_counters(self.mesh), telemetry.RETRIES,
            telemetry.RETRIES_SUCCEEDED, telemetry.RETRIES_EXHAUSTED, *telemetry.TLS_FAILURES,
        )  # fmt: skip
        gauges = (telemetry.EJECTIONS_ACTIVE, telemetry.ACTIVE_REQUESTS, telemetry.ACTIVE_CONNECTIONS)
        for service in self.services:
            host = f"{service.name}.{service.namespace}.svc.{self.mesh.cluster_domain}"
            clusters = (f"outbound|80||{host}", f"outbound|80|canary|{host}", f"inbound-vip|80|http|{host}")
            for number, name in enumerate(names):
                for place, cluster in enumerate(clusters):
                    labels = {"cluster_name": cluster}
                    self._count(name, labels, one if place < 2 else other, 15 * (number + place + 1), told=True)
            for number, name in enumerate(
                (telemetry.EJECTIONS_ACTIVE, telemetry.ACTIVE_REQUESTS, telemetry.ACTIVE_CONNECTIONS)
            ):
                self._gauge(name, {"cluster_name": clusters[0]}, one, number + 3)
                self._gauge(name, {"cluster_name": clusters[1]}, other, number + 4)
                self._gauge(name, {"cluster_name": clusters[2]}, other, 0)
        for cluster in ("inbound|8080||", "outbound|443||api.example.com", "xds-grpc"):
            for name in names:
                self._count(name, {"cluster_name": cluster}, one, 15)
            for name in gauges:
                self._gauge(name, {"cluster_name": cluster}, one, 9)
        for verdict in (
            {"authz_enforce_result": "denied"},
            {"authz_enforce_result": "allowed"},
            {"authz_dry_run_result": "denied"},
        ):
            for number, rule in enumerate(("a", "b"), 1):
                self._count(
                    telemetry.RBAC, {**verdict, "policy": rule}, other, 15 * number * (1 + len(verdict)), told=True
                )

    def _platform(self) -> None:
        """Proxies, certificates, istiod."""
        job = self.mesh.prometheus.istiod_job
        istiods = [Pod(self.mesh.root_namespace, f"istiod-6f7d9c5b48-{end}", job, 15014) for end in ("2xkqp", "7hzwm")]
        one, other = Pod("front", "web-5d9c7b6f48-2xkqp"), Pod("back", "store-5d9c7b6f48-7hzwm")
        for number, pod in enumerate((one, other, Pod("back", "shelf-5d9c7b6f48-7hzwm")), 1):
            self._gauge(telemetry.BUILD, BUILDS["proxy"], pod, 1)
            self._gauge(telemetry.UP, {}, pod, 1)
            self._gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "default"}, pod, 1_000 * number)
            self._gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "default", "source": "before"}, pod, 9_000 * number)
            self._gauge(telemetry.CERTIFICATE_EXPIRY, {"resource_name": "ROOTCA"}, pod, 10)
            self._gauge(telemetry.PROXY_MEMORY, {"container": telemetry.PROXY_CONTAINER}, pod, 2_000 * number)
            self._gauge(telemetry.PROXY_MEMORY, {"container": telemetry.PROXY_CONTAINER, "id": "before"}, pod, 100)
            self._gauge(telemetry.PROXY_MEMORY, {"container": "app"}, pod, 9_000)
            self._count(telemetry.PROXY_CPU, {"container": telemetry.PROXY_CONTAINER}, pod, 15 * number, told=True)
            self._count(telemetry.PROXY_CPU, {"container": telemetry.PROXY_CONTAINER, "id": "before"}, pod, 30, told=True)
            self._count(telemetry.PROXY_CPU, {"container": "app"}, pod, 150)
        self._gauge(telemetry.BUILD, BUILDS["ztunnel"], Pod(self.mesh.root_namespace, "ztunnel-2xkqp"), 1)
        self._gauge(telemetry.BUILD, BUILDS["pilot"], istiods[0], 1)
        for name, last in (("lost-5d9c7b6f48-2xkqp", 35), ("gone-5d9c7b6f48-2xkqp", 5)):
            pod = Pod("front", name)
            there = (1.0,) * (last * MINUTE // self.step) + (None,)
            self.recorder.gauge(telemetry.BUILD, BUILDS["proxy"], pod, there)
            self._gauge(telemetry.UP, {}, pod, 0)
        for number, pod in enumerate(istiods, 1):
            self._gauge(telemetry.UP, {}, pod, 1)
            self._gauge(telemetry.XDS_CONNECTIONS, {"version": "1"}, pod, 10 * number)
            self._gauge(telemetry.ROOT_EXPIRY, {}, pod, 100_000 * number)
            self._gauge(telemetry.CHAIN_EXPIRY, {}, pod, 200_000 * number)
            for place, name in enumerate(telemetry.CONFLICTS):
                self._gauge(name, {}, pod, place + number)
            for place, kind in enumerate(("cds", "lds", "cds_senderr", "eds_builderr"), 1):
                self._count(telemetry.XDS_PUSHES, {"type": kind}, pod, 15 * place * number, told=True)
            for place, kind in enumerate(("cds", "lds"), 1):
                self._count(telemetry.XDS_REJECTS, {"type": kind}, pod, 15 * place * number, told=True)
            self._count(telemetry.INJECTION_SUCCESSES, {}, pod, 15 * number, told=True)
            self._count(telemetry.INJECTION_FAILURES, {}, pod, 30 * number, told=True)
            for place, resource in enumerate(("virtualservices", "gateways"), 1):
                labels = {"resource": resource, "reason": "invalid_resource"}
                self._count(telemetry.VALIDATION_FAILURES, labels, pod, 15 * place * number, told=True)
            for place, limit in enumerate(("1", "3", "10", "+Inf"), 1):
                self._count(telemetry.CONVERGENCE_BUCKET, {"le": limit}, pod, 30 * place, told=True)

    def _flow(self, each: int) -> tuple[int, ...]:
        return (each,) * self.before + (TIMES * each,) * (self.scrapes - self.before)

    def _count(self, name: str, labels: Mapping[str, str], pod: Pod, each: int, *, told: bool = False) -> None:
        self.recorder.counter(name, labels, pod, self._flow(each))
        if told:
            self.events.append((name, {**labels, "namespace": pod.namespace, "pod": pod.name}, pod, each))

    def _gauge(self, name: str, labels: Mapping[str, str], pod: Pod, value: float) -> None:
        self.recorder.gauge(name, labels, pod, (value,) * (self.scrapes + 1))
        self.gauges.append((name, {**labels, "namespace": pod.namespace, "pod": pod.name, "job": pod.job}, pod, value))

    def series(self) -> list[dict[str, str]]:
        """All of it, as promtool reads it, and the one record that services make for themselves."""
        whole = self.recorder.telemetry()
        kept = UNREAD - {"job"}
        short = [
            Series(
                one.name,
                tuple(
                    label
                    for label in one.labels
                    if label[0] not in kept or (label[0] == "destination_workload" and one.name.startswith("istio_tcp"))
                ),
                one.values,
            )
            for one in whole.series
            if not one.name.endswith(("milliseconds_sum", "milliseconds_count", "closed_total"))
            and not _measured_twice(one)
        ]
        slow = self.signals.late.record
        short += [
            Series(
                slow, tuple(sorted({**service_labels(service), **self.cluster}.items())), (0.25,) * (self.scrapes + 1)
            )
            for service in self.services
            if service.request_ports
        ]
        return Telemetry(whole.step, tuple(short)).promtool()

    # What must be recorded of it

    @property
    def cluster(self) -> dict[str, str]:
        label = self.mesh.prometheus.cluster_label
        return {label: cluster_of(self.mesh)} if label else {}

    def key(self, labels: Mapping[str, str], kept: Iterable[str]) -> Labels:
        found = {name: labels.get(name, "") for name in kept} | self.cluster
        return frozenset((name, value) for name, value in found.items() if value)

    def rates(self, kept: Iterable[str], chosen: Callable[[Seen], bool]) -> Found:
        """Events per second by labels."""
        found: Found = defaultdict(float)
        for one in self.seen:
            if chosen(one):
                found[self.key(one.labels, kept)] += one.each * 1_000 / self.step
        return dict(found)

    def counters(
        self, kept: Iterable[str], name: str, chosen: Callable[[Mapping[str, str]], bool] = lambda _: True
    ) -> Found:
        found: Found = defaultdict(float)
        for one, labels, _, each in self.events:
            if one == name and chosen(labels):
                found[self.key(labels, kept)] += each * 1_000 / self.step
        return dict(found)

    def of_clusters(self, *names: str) -> Found:
        """Statistics of services' Envoy clusters, by service."""
        found: Found = defaultdict(float)
        for name in names:
            for one, labels, _, each in self.events:
                if one == name:
                    found[self.key(_behind(labels["cluster_name"]), SERVICE_LABELS)] += each * 1_000 / self.step
        return dict(found)

    def most(self, name: str) -> Found:
        found: dict[Labels, list[float]] = defaultdict(list)
        for one, labels, _, value in self.gauges:
            if one == name and "svc" in labels["cluster_name"]:
                found[self.key(_behind(labels["cluster_name"]), SERVICE_LABELS)].append(value)
        return {key: max(values) for key, values in found.items()}

    def gauged(self, kept: Iterable[str], name: str, together: Callable[[list[float]], float], **labels: str) -> Found:
        found: dict[Labels, list[float]] = defaultdict(list)
        for one, own, _, value in self.gauges:
            if one == name and labels.items() <= own.items():
                found[self.key(own, kept)].append(value)
        return {key: together(values) for key, values in found.items()}

    def expected(self) -> Iterator[tuple[Signal, Found]]:
        """Every record and what it must be, after the steady time."""
        yield from self._of_requests()
        yield from self._of_durations()
        yield from self._of_connections()
        yield from self._of_breakers()
        yield from self._of_arrivals()
        yield from self._of_boundaries()
        yield from self._of_proxies()
        yield from self._of_istiod()

    def _of_requests(self) -> Iterator[tuple[Signal, Found]]:
        signals = self.signals
        counted = _each("request", counted=True)
        failed = _each("request", counted=True, failed=True)
        whole, bad = self.rates(SERVICE_LABELS, counted), self.rates(SERVICE_LABELS, failed)
        yield signals.edges.answers, self.rates((*EDGE_LABELS, *ANSWER_LABELS), counted)
        yield signals.edges.rate, self.rates(EDGE_LABELS, counted)
        yield signals.edges.failed, _or_zero(self.rates(EDGE_LABELS, failed), self.rates(EDGE_LABELS, counted))
        for each in {id(one): one for one in (signals.slow, signals.fast)}.values():
            yield each.answers, self.rates((*SERVICE_LABELS, *ANSWER_LABELS), counted)
            yield each.rate, whole
            yield each.failed, _or_zero(bad, whole)
            yield each.errors, _ratio(bad, whole)
        known = lambda one: one.received and one.kind == "request" and telemetry.ENDPOINT in one.labels  # noqa: E731
        by_operation = self.rates(ENDPOINT_LABELS, known)
        yield signals.endpoints.answers, self.rates((*ENDPOINT_LABELS, *ANSWER_LABELS), known)
        yield signals.endpoints.rate, by_operation
        yield (
            signals.endpoints.failed,
            _or_zero(self.rates(ENDPOINT_LABELS, lambda one: known(one) and one.failed), by_operation),
        )

    def _of_durations(self) -> Iterator[tuple[Signal, Found]]:
        signals = self.signals
        ended = lambda one: one.kind == "request" and one.counted and one.labels["response_code"] != "0"  # noqa: E731
        whole = self.rates(SERVICE_LABELS, ended)
        buckets: Found = {}
        within = [
            self.rates(SERVICE_LABELS, lambda one, limit=limit: ended(one) and one.milliseconds <= limit)  # type: ignore[misc]
            for limit in self.limits
        ]
        for limit, found in (*zip(map(_float, self.limits), within, strict=True), ("+Inf", whole)):
            buckets |= {key | {("le", limit)}: found.get(key, 0.0) for key in whole}
        yield signals.buckets, buckets
        for share, signal in signals.quantiles:
            yield (
                signal,
                {
                    key: _quantile(share, self.limits, [found.get(key, 0.0) for found in within], total)
                    for key, total in whole.items()
                },
            )
        yield signals.timed, whole
        told = {self.key(service_labels(service), SERVICE_LABELS) for service in self.services}
        yield signals.late_share, {key: 0.25 / total for key, total in whole.items() if key in told}

    def _of_connections(self) -> Iterator[tuple[Signal, Found]]:
        tcp = self.signals.connections
        known = lambda one: one.kind == "connection" and one.counted  # noqa: E731
        opened, failed = (
            self.rates(SERVICE_LABELS, known),
            self.rates(SERVICE_LABELS, lambda one: known(one) and one.failed),
        )
        yield tcp.by_caller, self.rates(EDGE_LABELS, known)
        yield tcp.opened, opened
        yield tcp.failed, _or_zero(failed, opened)
        yield tcp.share, _ratio(failed, opened)
        for signal, size in ((tcp.sent, "sent_bytes"), (tcp.received, "received_bytes")):
            found: Found = defaultdict(float)
            for one in self.seen:
                if one.kind == "connection" and (one.received if self.mesh.data_plane == "ambient" else one.counted):
                    found[self.key(one.labels, SERVICE_LABELS)] += getattr(one, size) * one.each * 1_000 / self.step
            yield signal, dict(found)

    def _of_breakers(self) -> Iterator[tuple[Signal, Found]]:
        signals, breakers = self.signals, self.signals.breakers
        counted = _each("request", counted=True)
        whole = self.rates(SERVICE_LABELS, counted)
        yield breakers.ejections, self.most(telemetry.EJECTIONS_ACTIVE)
        yield breakers.callers, dict.fromkeys(self.most(telemetry.EJECTIONS_ACTIVE), 2.0)
        yield breakers.denied, self.of_clusters(telemetry.EJECTIONS_DENIED)
        yield breakers.overflow, self.of_clusters(*telemetry.overflow_counters(self.mesh))
        for signal, flag in ((breakers.turned_away, "UO"), (breakers.no_instance, "UH")):
            flagged = self.rates(
                SERVICE_LABELS, lambda one, flag=flag: counted(one) and flag in one.labels["response_flags"].split(",")
            )  # type: ignore[misc]
            yield signal, _or_zero(flagged, whole)
        yield breakers.active_requests, self.most(telemetry.ACTIVE_REQUESTS)
        yield breakers.active_connections, self.most(telemetry.ACTIVE_CONNECTIONS)
        tries = self.of_clusters(telemetry.RETRIES)
        yield signals.retries.rate, tries
        yield signals.retries.succeeded, self.of_clusters(telemetry.RETRIES_SUCCEEDED)
        yield signals.retries.exhausted, self.of_clusters(telemetry.RETRIES_EXHAUSTED)
        yield signals.retries.share, {key: tries[key] / total for key, total in whole.items() if key in tries}
        yield breakers.handshakes_failed, self.of_clusters(*telemetry.TLS_FAILURES)

    def _of_arrivals(self) -> Iterator[tuple[Signal, Found]]:
        signals = self.signals
        kinds = [Seen({**one.labels, "kind": one.kind}, one.each, one.kind) for one in self.seen if one.received]
        inside = [one for one in kinds if one.labels["source_workload"] != telemetry.OUTSIDE]
        yield signals.arrivals, self._sum(PEER_LABELS, kinds)
        whole = self._sum(SERVICE_LABELS, kinds)
        yield signals.received, whole
        yield signals.received_inside, self._sum(SERVICE_LABELS, inside)
        for signal, those in ((signals.coverage, kinds), (signals.coverage_inside, inside)):
            yield signal, self._lower_share(those)
        yield signals.encryption.plaintext, _or_zero(self._sum(SERVICE_LABELS, map_plain(kinds)), whole)
        yield signals.encryption.plaintext_inside, _or_zero(self._sum(SERVICE_LABELS, map_plain(inside)), whole)

    def _sum(self, kept: Iterable[str], those: Iterable[Seen]) -> Found:
        found: Found = defaultdict(float)
        for one in those:
            found[self.key(one.labels, kept)] += one.each * 1_000 / self.step
        return dict(found)

    def _lower_share(self, those: list[Seen]) -> Found:
        whole = self._sum(KIND_LABELS, those)
        plain = _or_zero(self._sum(KIND_LABELS, map_plain(those)), whole)
        lowest: Found = {}
        for key, total in whole.items():
            if not total:
                continue
            service = frozenset(label for label in key if label[0] != "kind")
            lowest[service] = min(lowest.get(service, 1.0), 1 - plain[key] / total)
        return lowest

    def _of_boundaries(self) -> Iterator[tuple[Signal, Found]]:
        boundaries = self.signals.boundaries
        yield (
            boundaries.denied,
            self.counters(POD, telemetry.RBAC, lambda labels: labels.get("authz_enforce_result") == "denied"),
        )
        yield (
            boundaries.would_be_denied,
            self.counters(POD, telemetry.RBAC, lambda labels: "authz_dry_run_result" in labels),
        )
        for signal, host in ((boundaries.blocked, "BlackHoleCluster"), (boundaries.undeclared, "PassthroughCluster")):
            yield signal, self.rates(CALLER_LABELS, lambda one, host=host: _says(one, "source", host))  # type: ignore[misc]
        gateways = gateway_workloads(self.mesh)
        through = lambda one: one.kind == "request" and one.labels["source_workload"] in gateways  # noqa: E731
        yield (
            boundaries.gateway_answers,
            self.rates((*CALLER_LABELS, *ANSWER_LABELS), lambda one: through(one) and one.counted),
        )
        yield (
            boundaries.unrouted,
            self.rates(CALLER_LABELS, lambda one: through(one) and _says(one, "source", "unknown")),
        )

    def _of_proxies(self) -> Iterator[tuple[Signal, Found]]:
        presence, certificates, used = self.signals.presence, self.signals.certificates, self.signals.saturation
        lost = {"namespace": "front", "pod": "lost-5d9c7b6f48-2xkqp"}
        yield presence.proxies, self.gauged(POD, telemetry.BUILD, max, component="proxy")
        yield presence.unreachable, {self.key(lost, POD): 1.0}
        yield presence.mesh, {self.key({}, ()): 4.0}
        yield certificates.workloads, self.gauged(POD, telemetry.CERTIFICATE_EXPIRY, min, resource_name="default")
        yield certificates.namespaces, self.gauged(POD[:1], telemetry.CERTIFICATE_EXPIRY, min, resource_name="default")
        now = STEADY * 60
        yield (
            certificates.authority,
            {
                self.key({"certificate": "root"}, ("certificate",)): 100_000.0 - now,
                self.key({"certificate": "chain"}, ("certificate",)): 200_000.0 - now,
            },
        )
        own = {"container": telemetry.PROXY_CONTAINER}
        yield used.cpu, self.counters(POD, telemetry.PROXY_CPU, lambda labels: own.items() <= labels.items())
        yield used.memory, self.gauged(POD, telemetry.PROXY_MEMORY, max, **own)

    def _of_istiod(self) -> Iterator[tuple[Signal, Found]]:
        plane = self.signals.control_plane
        ten = 600
        yield plane.instances, {self.key({}, ()): 2.0}
        yield (
            plane.versions,
            {
                self.key({"component": component, "tag": "1.30.0"}, ("component", "tag")): float(count)
                for component, count in (("proxy", 3), ("ztunnel", 1), ("pilot", 1))
            },
        )
        yield plane.proxies, {self.key({}, ()): 30.0}
        yield plane.rejects, _times(ten, self.counters(("type",), telemetry.XDS_REJECTS))
        yield (
            plane.push_errors,
            _times(ten, self.counters(("type",), telemetry.XDS_PUSHES, lambda labels: labels["type"].endswith("err"))),
        )
        yield plane.pushes, self.counters(("type",), telemetry.XDS_PUSHES)
        buckets = self.counters(("le",), telemetry.CONVERGENCE_BUCKET)
        yield plane.convergence_buckets, buckets
        yield plane.convergence, {self.key({}, ()): 10.0}
        yield plane.injected, _times(ten, self.counters((), telemetry.INJECTION_SUCCESSES))
        yield plane.injection_failures, _times(ten, self.counters((), telemetry.INJECTION_FAILURES))
        yield (
            plane.validation_failures,
            _times(ten, self.counters(("resource", "reason"), telemetry.VALIDATION_FAILURES)),
        )
        conflicts: Found = {}
        for name in telemetry.CONFLICTS:
            (value,) = self.gauged((), name, max).values()
            conflicts[self.key({"conflict": name}, ("conflict",))] = value
        yield plane.conflicts, conflicts

    def test(self) -> dict[str, Any]:
        """The test that promtool runs."""
        expected = {signal.record: found for signal, found in self.expected()}
        steady = [_exactly(record, STEADY * 60, found) for record, found in expected.items()]
        after = [one for record, found in expected.items() if found for one in self._after(record, found)]
        return {
            "name": f"{self.mesh.name}: records",
            "interval": f"{self.step // 1_000}s",
            "input_series": self.series(),
            "promql_expr_test": [*steady, *after],
        }

    def _after(self, record: str, found: Found) -> Iterator[dict[str, Any]]:
        """How many times the steady value the record is, a little after everything has become more."""
        window = _window(record)
        if window is None or all(value == 0 for value in found.values()) or "_ratio_" in record or "ratio_" in record:
            return
        if any(part in record for part in (":p50_", ":p95_", ":p99", "quantile", "p99_")):
            return
        minutes = AFTER[0] if window <= 2 * MINUTE else AFTER[1]
        time = (STEADY + minutes) * MINUTE
        times = [
            (per_second(totals(self._flow(10_000)), Window(time, window, closed), self.step, self.scrapes) or 0)
            * self.step
            / 10_000_000
            for closed in (False, True)
        ]
        same = (parts for parts in ROUNDED if math.floor(times[0] * parts + 0.5) == math.floor(times[1] * parts + 0.5))
        parts = next(same, 1)
        value = math.floor(times[0] * parts + 0.5) / parts
        for least in ("min", "max"):
            yield {
                "expr": f"round({least}({record} / ({record} offset {minutes}m > 0)), {1 / parts:g})",
                "eval_time": f"{time // 1_000}s",
                "exp_samples": [{"labels": "{}", "value": value}],
            }


def _measured_twice(series: Series) -> bool:
    """Durations that the callee reports of callers who report them too: no rule reads them, and one caller's do."""
    bucket = series.name == telemetry.DURATION_BUCKET and series.label("reporter") == "destination"
    return bucket and series.label("source_workload_namespace") == "front"


def map_plain(those: Iterable[Seen]) -> list[Seen]:
    """Those without mutual TLS."""
    return [one for one in those if one.labels["connection_security_policy"] != "mutual_tls"]


def _says(one: Seen, reporter: str, host: str) -> bool:
    return one.labels["reporter"] == reporter and one.labels["destination_service_name"] == host


def _each(kind: str, **attributes: bool) -> Callable[[Seen], bool]:
    return lambda one: one.kind == kind and all(getattr(one, name) == value for name, value in attributes.items())


def _is_failure(protocol: str, answer: Answer) -> bool:
    if answer.code == "0":
        return "DC" not in answer.flags.split(",")
    return answer.code.startswith("5") or (protocol == "grpc" and answer.grpc in FAULTS)


def _behind(cluster: str) -> dict[str, str]:
    """The service that an Envoy cluster stands for."""
    name, namespace = cluster.rpartition("|")[2].split(".")[:2]
    return dict(zip(SERVICE_LABELS, (namespace, name), strict=True))


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


def _window(record: str) -> int | None:
    """The window that a record's name says, in milliseconds."""
    operations = record.rpartition(":")[2]
    for kind in ("rate", "increase"):
        if operations.startswith(kind) and operations.endswith("m"):
            return int(operations.removeprefix(kind).removesuffix("m")) * MINUTE
    return None


def _exactly(record: str, seconds: int, found: Found) -> dict[str, Any]:
    """The record to a thousandth, with all labels that it must have and no others."""
    samples = [
        {"labels": _written(key), "value": math.floor(value * 1_000 + 0.5) / 1_000} for key, value in found.items()
    ]
    return {
        "expr": f"round({record}, 0.001)",
        "eval_time": f"{seconds}s",
        "exp_samples": sorted(samples, key=lambda sample: str(sample["labels"])),
    }


def _written(labels: Labels) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels)) + "}"
