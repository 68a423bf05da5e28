"""Requests and connections of the small mesh: of every kind of caller, ended in every way, also to nowhere."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from observe import telemetry
from observe.naming import gateway_workloads
from observe.proofs.stage import counts, lean
from observe.proofs.world import Seen
from observe.signals import service_labels
from observe.signals.requests import ANSWER_LABELS
from observe.simulation import Answer, Caller, Pod, failure, success, turned_away
from observe.simulation.reports import IN_PLAINTEXT, OUTSIDE, connection_reports, request_reports

if TYPE_CHECKING:
    from observe.model import Service
    from observe.proofs.world import World
    from observe.simulation.reports import Report

FAULTS: Final = {"2", "4", "12", "13", "14", "15"}
"""gRPC statuses by which a server says that it is to blame."""
LOST: Final = "UF,URX"


def requests(world: World) -> None:
    gateway = Caller(gateway_workloads(world.mesh)[0], world.mesh.root_namespace, gateway=True)
    for service in world.services:
        if not service.request_ports:
            continue
        refused = Answer(grpc="7") if service.speaks_grpc else Answer("404")
        other = Answer(grpc="2") if service.speaks_grpc else Answer("500")
        streams: tuple[tuple[Caller, Answer, int, float, str], ...] = (
            (world.web, success(service), 300, 5, "GET /a"),
            (world.web, refused, 15, 50, "GET /a"),
            (world.web, failure(service), 30, 500, "GET /b"),
            (world.web, other, 45, 5_000, "GET /b"),
            (world.web, turned_away(service, "UO"), 60, 5, ""),
            (world.web, turned_away(service, "UH,URX"), 75, 5, ""),
            (world.web, turned_away(service, "UH"), 240, 5, ""),
            (world.web, Answer("0", flags="DC", grpc=""), 90, 5, "GET /a"),
            (world.web, Answer("0", flags="UR", grpc=""), 105, 5, "GET /b"),
            (world.web, Answer("0", flags="DC", grpc="14"), 210, 5, "GET /b"),
            (world.web, Answer("503", grpc="14", flags="UC"), 225, 5, "GET /a"),
            # What a gRPC status would be, of a request that is not gRPC, means nothing.
            *([] if service.speaks_grpc else [(world.web, Answer(grpc="13"), 270, 5, "GET /a")]),
            (IN_PLAINTEXT, success(service), 120, 50, "GET /a"),
            (gateway, success(service), 135, 50, "GET /a"),
            (gateway, failure(service), 150, 50, "GET /a"),
        )
        for caller, answer, each, taken, endpoint in streams:
            _request(world, service, caller, answer, each, taken, endpoint)
        # Called by nobody who has a proxy.
        opened = replace(service, name=f"{service.name}-open")
        _request(world, opened, OUTSIDE, success(service), 165, 50, "GET /b")
        _request(world, opened, OUTSIDE, failure(service), 180, 500, "GET /b")
    for place, service in enumerate(world.services):
        if service.request_ports and place == 0:
            fine, idle = (replace(service, name=f"{service.name}-{end}") for end in ("fine", "idle"))
            _request(world, fine, world.web, success(service), 195, 5, "GET /a")
            _request(world, fine, gateway, success(service), 255, 5, "GET /a")
            _request(world, idle, world.web, Answer("0", flags="DC"), 0, 5, "")
    _to_nowhere(world, gateway)


def _to_nowhere(world: World, gateway: Caller) -> None:
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
            (
                ("source", world.web),
                ("source", gateway),
                ("destination", OUTSIDE),
                ("destination", gateway),
                ("waypoint", OUTSIDE),
            ),
            1,
        ):
            labels = {**known, "reporter": reporter, "destination_service_name": host,
                      "source_workload": caller.workload, "source_workload_namespace": caller.namespace,
                      "destination_service_namespace": "unknown"}  # fmt: skip
            _nobody(world, labels, caller, 15 * (5 * place + number))
            if caller == gateway:
                _nobody(world, {**labels, "response_code": "404"}, caller, 15 * (5 * place + number + 20))
    if world.mesh.data_plane == "sidecar":
        # What a waypoint says of a service is not asked for where there are sidecars.
        (first, *_) = world.services
        labels = {**known, "reporter": "waypoint", **service_labels(first), "source_workload": "unknown"}
        _nobody(world, labels, world.web, 15)


def _nobody(world: World, labels: dict[str, str], caller: Caller, each: int) -> None:
    pod = Pod(caller.namespace, f"{caller.workload}-5d9c7b6f48-2xkqp")
    labels[telemetry.ENDPOINT] = "GET /a"
    world.seen.append(Seen(labels, each, "request"))
    world.count(telemetry.REQUESTS, labels, pod, each)
    for limit in (*map(str, world.limits), "+Inf"):
        world.count(telemetry.DURATION_BUCKET, {**labels, "le": limit}, pod, each)
    tcp = {name: value for name, value in labels.items() if name != "response_code"} | {"request_protocol": "tcp"}
    if labels["response_code"] != "404":
        world.seen.append(Seen(tcp, each + 15, "connection"))
        for name in (telemetry.TCP_OPENED, telemetry.TCP_SENT, telemetry.TCP_RECEIVED):
            world.count(name, tcp, pod, each + 15)


def _request(
    world: World, service: Service, caller: Caller, answer: Answer, each: int, taken: float, endpoint: str
) -> None:
    whole = request_reports(world.mesh, service, caller, arrived=answer.arrived)
    # Of one kind of answer two pods of each side report their part, which are added up.
    for report in whole if answer.flags == "UC" else map(lean, whole):
        flow = world.flow(each)
        world.recorder.report(report, service, flow, answer, taken, endpoint=endpoint)
        protocol = "grpc" if service.speaks_grpc else "http"
        ended = dict(zip(ANSWER_LABELS, (protocol, answer.code, answer.grpc, answer.flags), strict=True))
        receives = report.reporter in ("destination", "waypoint")
        known = {telemetry.ENDPOINT: endpoint} if endpoint and receives else {}
        world.seen.append(
            Seen(
                {**report.labels, **ended, **known}, each, "request", taken, _is_failure(protocol, answer),
                counted=counts(world.mesh, report), received=receives,
            )
        )  # fmt: skip


def connections(world: World) -> None:
    for service in world.services:
        if service.request_ports:
            continue
        opened = replace(service, name=f"{service.name}-open")
        legacy = replace(service, name=f"{service.name}-legacy", in_mesh=False)
        idle = replace(service, name=f"{service.name}-idle")
        streams = (
            (service, world.web, "-", 60), (service, IN_PLAINTEXT, "-", 75), (service, world.web, LOST, 90),
            (opened, OUTSIDE, "-", 105), (legacy, world.web, "-", 120), (opened, OUTSIDE, "UF", 135),
            (idle, world.web, "-", 0), (idle, world.web, LOST, 0),
        )  # fmt: skip
        for callee, caller, flags, each in streams:
            # Of callers without a proxy only what reached one is known: there, the application did not answer.
            arrived = flags == "-" or caller is OUTSIDE
            for report in connection_reports(world.mesh, callee, caller, arrived=arrived):
                short = lean(report)
                world.recorder.report_connections(short, world.flow(each), flags=flags, sent=10, received=20)
                failed = flags != "-" and (world.mesh.data_plane == "sidecar" or world.mesh.istio_minor >= 29)
                size = (10, 20) if flags == "-" else (0, 0)
                world.seen.append(
                    Seen(
                        report.labels, each, "connection", failed=failed,
                        counted=_counts(world, report), received=report.reporter == "destination",
                        sent_bytes=size[0], received_bytes=size[1],
                    )
                )  # fmt: skip


def _counts(world: World, report: Report) -> bool:
    """Whether connections are counted by such a report."""
    return report.reporter == "source" if world.mesh.data_plane == "ambient" else counts(world.mesh, report)


def _is_failure(protocol: str, answer: Answer) -> bool:
    if answer.code == "0":
        return "DC" not in answer.flags.split(",")
    return answer.code.startswith("5") or (protocol == "grpc" and answer.grpc in FAULTS)
